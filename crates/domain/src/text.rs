//! Rules for text that people write and other people read.

use crate::Invalid;

/// Checks a one-line text: 1 to `max` characters, no control and no bidirectional-override characters, not only spaces.
///
/// # Errors
/// The first rule it breaks.
pub fn one_line(text: &str, max: usize) -> Result<(), Invalid> {
    if text.trim().is_empty() {
        return Err(Invalid("must not be empty"));
    }
    optional_line(text, max)
}

/// As [`one_line`], but the text may be empty.
///
/// # Errors
/// The first rule it breaks.
pub fn optional_line(text: &str, max: usize) -> Result<(), Invalid> {
    if text.chars().count() > max {
        return Err(Invalid("is too long"));
    }
    if text.chars().any(is_unsafe_in_text) {
        return Err(Invalid("must not contain control or bidirectional formatting characters"));
    }
    Ok(())
}

/// Control characters, line separators, and the marks that make text read in another order than it is stored.
#[must_use]
pub fn is_unsafe_in_text(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ap_text_control_and_bidi_characters_are_refused() {
        assert!(one_line("Zoë 漢字 🙂", 64).is_ok());
        for bad in ["", "  ", "a\0b", "a\nb", "a\u{202E}b", "a\u{0085}b", "a\u{2028}b"] {
            assert!(one_line(bad, 64).is_err(), "{bad:?}");
        }
        assert!(one_line(&"x".repeat(65), 64).is_err());
    }
}
