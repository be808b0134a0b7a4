//! Characters that have no place in a name or an address, but hide or reorder what people read.

use serde_json::Value;

use crate::error::pointer;
use crate::{Code, Error, Errors};

/// True if `text` holds a C0 or C1 control character (NUL, newline and tab too), DEL, or a character of the Unicode
/// property `Bidi_Control`.
pub fn has_control_characters(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || is_bidi_control(c))
}

fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Adds an error (422 `invalid_attribute`) for each text inside `value`, member names included, that
/// [has control characters](has_control_characters). `at` is the JSON Pointer of `value`.
pub fn refuse_control_characters(value: &Value, at: &str, errors: &mut Errors) {
    match value {
        Value::String(text) if has_control_characters(text) => errors.push(refusal(at)),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                refuse_control_characters(item, &format!("{at}/{index}"), errors);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                if has_control_characters(name) {
                    errors.push(refusal(at));
                } else {
                    refuse_control_characters(member, &pointer(at, name), errors);
                }
            }
        }
        _ => {}
    }
}

pub(crate) fn refusal(at: &str) -> Error {
    Error::new(Code::INVALID_ATTRIBUTE, "Control characters are not allowed in texts.").at_pointer(at)
}
