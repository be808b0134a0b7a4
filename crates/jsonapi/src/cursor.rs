//! Opaque page cursors: typed key values, authenticated and bound to the list they were made for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use subtle::ConstantTimeEq;

use crate::{Code, Error};

/// The caller's message authentication code (say HMAC-SHA-256 under a key kept for cursors alone).
pub type Mac<'a> = dyn Fn(&[u8]) -> [u8; 32] + 'a;

const MAC_LENGTH: usize = 32;

/// The sort key of one row: one value per column of the ordering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Values in the order of the sort keys.
    pub values: Vec<CursorValue>,
}

/// One value of a sort key, to be bound as a query parameter of its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CursorValue {
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Bool(bool),
    /// The absence of a value.
    Null,
}

impl Cursor {
    /// The text for `page[after]` and `page[before]`: base64url(mac || JSON array). `context` names the list (see
    /// [`Query::cursor_context`](crate::Query::cursor_context)); only the same context decodes it.
    pub fn encode(&self, context: &str, mac: &Mac<'_>) -> String {
        let values: Vec<Value> = self.values.iter().map(CursorValue::to_json).collect();
        let payload = Value::Array(values).to_string();
        let mut bytes = mac(&message(context, payload.as_bytes())).to_vec();
        bytes.extend_from_slice(payload.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor made by [`Cursor::encode`] with the same context and MAC; anything else is 400
    /// `invalid_pagination` at `parameter` (`page[after]` or `page[before]`).
    pub fn decode(text: &str, context: &str, mac: &Mac<'_>, parameter: &str) -> Result<Self, Error> {
        Self::verified(text, context, mac).ok_or_else(|| {
            let detail = "The cursor is not one that this list gave out in this order.";
            Error::new(Code::INVALID_PAGINATION, detail).at_parameter(parameter)
        })
    }

    fn verified(text: &str, context: &str, mac: &Mac<'_>) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (given, payload) = bytes.split_at_checked(MAC_LENGTH)?;
        let expected = mac(&message(context, payload));
        if !bool::from(expected.ct_eq(given)) {
            return None;
        }
        let values: Vec<Value> = serde_json::from_slice(payload).ok()?;
        let values = values.into_iter().map(CursorValue::from_json).collect::<Option<_>>()?;
        Some(Self { values })
    }
}

impl CursorValue {
    fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Integer(number) => (*number).into(),
            Self::Bool(flag) => (*flag).into(),
            Self::Null => Value::Null,
        }
    }

    fn from_json(value: Value) -> Option<Self> {
        Some(match value {
            Value::String(text) => Self::Text(text),
            Value::Number(number) => Self::Integer(number.as_i64()?),
            Value::Bool(flag) => Self::Bool(flag),
            Value::Null => Self::Null,
            Value::Array(_) | Value::Object(_) => return None,
        })
    }
}

/// What is authenticated. The length keeps a longer context from posing as part of the payload.
fn message(context: &str, payload: &[u8]) -> Vec<u8> {
    let length = (context.len() as u64).to_be_bytes();
    [length.as_slice(), context.as_bytes(), payload].concat()
}
