//! Text that other people chose, made harmless for display.

use std::fmt;

use askama::filters::{Escaper, Html, HtmlSafe};

/// A name that was chosen by someone else: an application, a publisher, a person, an address.
///
/// It is escaped, isolated in `<bdi>`, and stripped of control characters and of the marks that reorder text, so a name
/// can neither add markup nor turn around the sentence it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a>(pub &'a str);

impl Name<'_> {
    /// The text without the characters that are not shown, for places that take no markup.
    pub(crate) fn plain(&self) -> String {
        self.0.chars().filter(|c| !is_invisible(*c)).collect()
    }

    /// The first letter or digit in upper case, as a picture of an account.
    pub(crate) fn initial(&self) -> String {
        self.0.chars().find(|c| c.is_alphanumeric()).map_or_else(|| "?".to_owned(), |c| c.to_uppercase().collect())
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<bdi>")?;
        for c in self.0.chars().filter(|c| !is_invisible(*c)) {
            Html.write_escaped_char(&mut *f, c)?;
        }
        f.write_str("</bdi>")
    }
}

impl HtmlSafe for Name<'_> {}

/// Control characters, and Unicode's explicit directional marks, embeddings, overrides and isolates (UAX 9).
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A sentence of ours with `{}` where a value belongs, if it belongs anywhere; the value writes its own HTML.
pub(crate) struct Sentence<T> {
    text: &'static str,
    value: T,
}

/// Puts `value` into `text`.
pub(crate) const fn fill<T: HtmlSafe>(text: &'static str, value: T) -> Sentence<T> {
    Sentence { text, value }
}

impl<T: HtmlSafe> fmt::Display for Sentence<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((before, after)) = self.text.split_once("{}") else {
            return Html.write_escaped_str(f, self.text);
        };
        Html.write_escaped_str(&mut *f, before)?;
        write!(f, "{}", self.value)?;
        Html.write_escaped_str(f, after)
    }
}

impl<T: HtmlSafe> HtmlSafe for Sentence<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_add_markup() {
        let shown = Name("<script>alert('x')</script> & \"Co\"").to_string();
        assert_eq!(shown, "<bdi>&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62; &#38; &#34;Co&#34;</bdi>");
    }

    #[test]
    fn a_name_cannot_reorder_the_text_around_it() {
        let name = Name("Pay\u{202e}lap\u{2066}\u{200f}\0\n");
        assert_eq!(name.to_string(), "<bdi>Paylap</bdi>");
        assert_eq!(name.plain(), "Paylap");
    }

    #[test]
    fn right_to_left_names_keep_their_letters() {
        assert_eq!(Name("חשבוניות").to_string(), "<bdi>חשבוניות</bdi>");
        assert_eq!(Name("élodie@example.test").initial(), "É");
        assert_eq!(Name("…").initial(), "?");
    }

    #[test]
    fn a_value_fills_its_place_in_a_sentence() {
        assert_eq!(fill("It's {}!", Name("<A>")).to_string(), "It&#39;s <bdi>&#60;A&#62;</bdi>!");
        assert_eq!(fill("Nothing to fill", 7).to_string(), "Nothing to fill");
    }
}
