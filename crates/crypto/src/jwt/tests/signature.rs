use super::*;

/// Every way to flip one bit of a character that leaves it ASCII.
fn flipped(token: &str, index: usize) -> impl Iterator<Item = String> {
    (0..7).map(move |bit| {
        let mut bytes = token.as_bytes().to_vec();
        bytes[index] ^= 1 << bit;
        String::from_utf8(bytes).unwrap()
    })
}

#[test]
fn jw_sig_no_bit_of_a_token_can_change() {
    let good = forge_claims(&good_claims());
    for token in (0..good.len()).flat_map(|index| flipped(&good, index)) {
        assert!(accept(&token).is_err(), "{token}");
    }
}

#[test]
fn jw_sig_no_bit_of_the_decoded_parts_can_change() {
    let good = forge_claims(&good_claims());
    let parts: Vec<Vec<u8>> = good.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    let places = parts.iter().enumerate().flat_map(|(part, bytes)| (0..bytes.len()).map(move |index| (part, index)));
    for (part, index) in places {
        let mut changed = parts.clone();
        changed[part][index] ^= 1;
        let token = changed.iter().map(encode).collect::<Vec<_>>().join(".");
        let error = accept(&token).unwrap_err();
        assert!(part == 0 || error == TokenError::Signature, "{part} {index} {error}");
    }
}

#[test]
fn jw_sig_the_signature_has_its_exact_length() {
    let good = forge_claims(&good_claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    for other in [
        [&signature[..], &[0]].concat(),
        [&[0], &signature[..]].concat(),
        signature[..255].to_vec(),
        vec![0; 256],
        vec![0xff; 256],
    ] {
        assert_eq!(accept(&format!("{signed}.{}", encode(other))), Err(TokenError::Signature));
    }
}

#[test]
fn jw_sig_base64url_has_one_spelling() {
    let good = forge_claims(&good_claims());
    let last = good.chars().last().unwrap();
    assert!("AQgw".contains(last), "256 bytes leave 4 unused bits in the last character");
    let alphabet = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']);
    for other in alphabet.filter(|other| *other != last) {
        let token = format!("{}{other}", &good[..good.len() - 1]);
        let expected = if "AQgw".contains(other) { TokenError::Signature } else { TokenError::Malformed };
        assert_eq!(accept(&token), Err(expected), "{other}");
    }
}

#[test]
fn jw_sig_nothing_can_be_inserted() {
    let good = forge_claims(&good_claims());
    let dots: Vec<_> = good.match_indices('.').map(|(index, _)| index).collect();
    for place in [0, 1, dots[0], dots[0] + 1, dots[1], dots[1] + 1, good.len()] {
        for text in ["=", "==", " ", "\n", "\r\n", "\t", "\0", "+", "/"] {
            let mut token = good.clone();
            token.insert_str(place, text);
            assert_eq!(accept(&token), Err(TokenError::Malformed), "{place} {text:?}");
        }
    }
    for text in ["A", "AA", "AAA", "AAAA"] {
        assert!(accept(&format!("{good}{text}")).is_err(), "{text}");
    }
}
