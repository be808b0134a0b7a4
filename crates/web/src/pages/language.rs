//! How a language is chosen for a request.

use paylent_domain::language::Language;

/// The language that `ui_locales` asks for (OpenID Connect: space-separated tags, the preferred first), if we speak one.
#[must_use]
pub fn asked(ui_locales: Option<&str>) -> Option<Language> {
    ui_locales.into_iter().flat_map(str::split_ascii_whitespace).find_map(Language::of_tag)
}

/// Chooses by `ui_locales`, then by `Accept-Language` (RFC 9110 section 12.5.4: the highest quality, the first of
/// equals), then English. What cannot be read is passed over.
#[must_use]
pub fn negotiate(ui_locales: Option<&str>, accept_language: Option<&str>) -> Language {
    asked(ui_locales).or_else(|| accept_language.and_then(accepted)).unwrap_or_default()
}

/// The best language of an `Accept-Language` value. Quality 0 refuses a language also where `*` would allow it.
fn accepted(header: &str) -> Option<Language> {
    let ranges = || header.split(',').filter_map(range);
    let refused =
        |language| ranges().any(|(tag, quality)| quality == 0 && tag != "*" && Language::of_tag(tag) == language);
    let mut best: Option<(Language, u16)> = None;
    for (tag, quality) in ranges() {
        let language = match tag {
            "*" => Language::ALL.into_iter().find(|language| !refused(Some(*language))),
            tag => Language::of_tag(tag),
        };
        if let Some(language) = language
            && quality > best.map_or(0, |(_, quality)| quality)
        {
            best = Some((language, quality));
        }
    }
    best.map(|(language, _)| language)
}

/// One range and its quality in thousandths; none when the quality is malformed.
fn range(text: &str) -> Option<(&str, u16)> {
    let (tag, parameter) = match text.split_once(';') {
        Some((tag, parameter)) => (tag, Some(parameter.trim())),
        None => (text, None),
    };
    let quality = match parameter {
        None => 1000,
        Some(parameter) => thousandths(parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?)?,
    };
    Some((tag.trim(), quality))
}

/// A `qvalue`: 0 or 1 with at most three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1") || decimals.len() > 3 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value = format!("{whole}{decimals:0<3}").parse().ok()?;
    (value <= 1000).then_some(value)
}

#[cfg(test)]
mod tests {
    use paylent_domain::language::Language::*;

    use super::*;

    #[test]
    fn ui_locales_win_over_the_browser() {
        assert_eq!(negotiate(Some("fr-CA de-AT en"), Some("nl")), German);
        assert_eq!(negotiate(Some("fr"), Some("nl")), Dutch);
        assert_eq!(negotiate(Some(""), None), English);
    }

    #[test]
    fn the_highest_quality_wins_and_the_first_of_equals() {
        assert_eq!(negotiate(None, Some("fr-FR,fr;q=0.9,de;q=0.8,nl;q=0.85")), Dutch);
        assert_eq!(negotiate(None, Some("de-CH, nl")), German);
        assert_eq!(negotiate(None, Some("en;q=0.1, NL-be ; q=0.101")), Dutch);
    }

    #[test]
    fn quality_zero_refuses_a_language() {
        assert_eq!(negotiate(None, Some("de;q=0, nl;q=0.1")), Dutch);
        assert_eq!(negotiate(None, Some("en;q=0, *;q=0.5")), Dutch);
        assert_eq!(negotiate(None, Some("*")), English);
    }

    #[test]
    fn malformed_entries_are_passed_over() {
        assert_eq!(negotiate(None, Some("de;q=2, nl;q=0.5")), Dutch);
        assert_eq!(negotiate(None, Some("de;q=1.001, de;q=0.1234, de;level=1, ;;, nl;q=0.001")), Dutch);
        assert_eq!(negotiate(None, Some("\u{fffd},,;q=,deutsch")), English);
        assert_eq!(negotiate(None, None), English);
    }
}
