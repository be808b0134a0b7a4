//! Strict JSON: what `serde_json` lets through (repeated members, numbers that lose their value) is refused here.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::pointer;
use crate::{Code, Error};

/// Objects and arrays within each other, at most.
const MAX_DEPTH: usize = 64;

/// Largest whole number that every JSON implementation keeps exactly (RFC 8259, section 6).
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Parses one JSON text. 400 `invalid_body` for invalid UTF-8 or JSON, a byte order mark, trailing bytes, a repeated
/// member name at any level, more than 64 levels, and numbers that cannot be kept.
pub(crate) fn parse(body: &[u8]) -> Result<Value, Error> {
    let text = std::str::from_utf8(body).map_err(|_| invalid("The body is not valid UTF-8."))?;
    let fault = RefCell::new(None);
    let root = Strict { path: &Path::Root, depth: 1, fault: &fault };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = root.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    parsed.map_err(|error| fault.take().unwrap_or_else(|| invalid(format!("The body is not valid JSON: {error}."))))
}

fn invalid(detail: impl Into<String>) -> Error {
    Error::new(Code::INVALID_BODY, detail)
}

/// Where the parser is, as a chain through the stack: a pointer is only written when something is wrong.
enum Path<'p> {
    Root,
    Member(&'p Path<'p>, &'p str),
    Item(&'p Path<'p>, usize),
}

impl Path<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Member(parent, name) => pointer(&parent.pointer(), name),
            Self::Item(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }
}

/// Reads one value. `serde_json` errors carry only text, so our own error leaves through `fault`.
#[derive(Clone, Copy)]
struct Strict<'p> {
    path: &'p Path<'p>,
    depth: usize,
    fault: &'p RefCell<Option<Error>>,
}

impl<'p> Strict<'p> {
    fn refuse<E: serde::de::Error>(self, path: &Path<'_>, detail: &str) -> E {
        *self.fault.borrow_mut() = Some(invalid(detail).at_pointer(path.pointer()));
        E::custom(detail)
    }

    fn enter<E: serde::de::Error>(self) -> Result<(), E> {
        if self.depth > MAX_DEPTH {
            return Err(self.refuse(self.path, "The body is nested too deeply."));
        }
        Ok(())
    }

    fn within<'c>(self, path: &'c Path<'c>) -> Strict<'c>
    where
        'p: 'c,
    {
        Strict { path, depth: self.depth + 1, fault: self.fault }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    /// Also gets whole numbers beyond 64 bits, which would change their value silently.
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        if value.is_finite() && value.abs() <= MAX_EXACT {
            Ok(value.into())
        } else {
            Err(self.refuse(self.path, "The number is too large."))
        }
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        self.enter()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.within(&Path::Item(self.path, items.len())))? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        self.enter()?;
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let path = Path::Member(self.path, &name);
            if members.contains_key(&name) {
                return Err(self.refuse(&path, "The member is given more than once."));
            }
            let value = map.next_value_seed(self.within(&path))?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}
