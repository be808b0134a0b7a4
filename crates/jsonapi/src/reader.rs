//! Typed reading of a request document, all faults at once.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::pointer;
use crate::incoming::{id_of, ids_of};
use crate::{Code, Error, Errors, Incoming, Linkage};

/// A member that may be left out or be null, which mean different things in a `PATCH`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Field<T> {
    /// Not in the document: leave it as it is.
    #[default]
    Absent,
    /// Null: clear it.
    Null,
    /// A value: set it.
    Value(T),
}

impl<T> Field<T> {
    /// The value, if there is one: what a new resource gets.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// The change, if there is one: `Some(None)` clears, `Some(Some(_))` sets.
    pub fn change(self) -> Option<Option<T>> {
        match self {
            Self::Absent => None,
            Self::Null => Some(None),
            Self::Value(value) => Some(Some(value)),
        }
    }
}

/// A type that the JSON value of an attribute is read as.
///
/// `Default` is what [`Reader`] hands out in place of a faulty value; [`Incoming::read`] never lets it escape.
pub trait Attribute: Default {
    /// Takes `value` apart, or says what was expected and where.
    fn from_json(value: Value) -> Result<Self, WrongType>;
}

/// A value of an attribute is not of the type it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongType {
    /// JSON Pointer from the attribute to the value: empty for the attribute itself.
    pub pointer: String,
    /// What was expected, such as `a string`.
    pub expected: &'static str,
}

impl WrongType {
    /// The attribute itself is not `expected`.
    pub fn expected(expected: &'static str) -> Self {
        Self { pointer: String::new(), expected }
    }
}

impl Attribute for String {
    fn from_json(value: Value) -> Result<Self, WrongType> {
        if let Value::String(text) = value { Ok(text) } else { Err(WrongType::expected("a string")) }
    }
}

impl Attribute for bool {
    fn from_json(value: Value) -> Result<Self, WrongType> {
        value.as_bool().ok_or_else(|| WrongType::expected("true or false"))
    }
}

impl Attribute for i64 {
    fn from_json(value: Value) -> Result<Self, WrongType> {
        value.as_i64().or_else(|| whole(&value)).ok_or_else(|| WrongType::expected("a whole number"))
    }
}

/// JSON has one kind of number: `60.0` is as whole as `60`. Only what a float holds exactly is taken.
fn whole(value: &Value) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= EXACT)?;
    format!("{number:.0}").parse().ok()
}

impl Attribute for Map<String, Value> {
    fn from_json(value: Value) -> Result<Self, WrongType> {
        if let Value::Object(members) = value { Ok(members) } else { Err(WrongType::expected("an object")) }
    }
}

impl<T: Attribute> Attribute for Vec<T> {
    fn from_json(value: Value) -> Result<Self, WrongType> {
        let Value::Array(items) = value else { return Err(WrongType::expected("a list")) };
        let items = items.into_iter().enumerate().map(|(index, item)| {
            T::from_json(item).map_err(|wrong| WrongType { pointer: format!("/{index}{}", wrong.pointer), ..wrong })
        });
        items.collect()
    }
}

/// Hands out the members of a request document by name and notes every fault.
#[derive(Debug)]
pub struct Reader {
    kind: &'static str,
    attributes: Map<String, Value>,
    relationships: BTreeMap<String, Linkage>,
    errors: Errors,
}

impl Incoming {
    /// Reads typed values. `build` asks for every member that may be written; whatever it leaves over is unknown or
    /// read-only and refused. All faults come back together (422, with pointers), and `build`'s result only if there
    /// are none.
    ///
    /// ```
    /// use paylent_jsonapi::{Field, Incoming};
    /// struct NewUser { email: String, name: Field<String>, organization: String }
    /// let body = br#"{"data": {"type": "user", "attributes": {"email": "a@b.c"},
    ///     "relationships": {"organization": {"data": {"type": "organization", "id": "7"}}}}}"#;
    /// let user = Incoming::create(body, "user")?.read(|given| NewUser {
    ///     email: given.required("email"),
    ///     name: given.nullable("name"),
    ///     organization: given.required_one("organization", "organization"),
    /// })?;
    /// assert_eq!((user.email.as_str(), user.name), ("a@b.c", Field::Absent));
    /// # assert_eq!(user.organization, "7");
    /// # Ok::<(), paylent_jsonapi::Errors>(())
    /// ```
    pub fn read<T>(self, build: impl FnOnce(&mut Reader) -> T) -> Result<T, Errors> {
        let Self { kind, attributes, relationships } = self;
        let mut reader = Reader { kind, attributes, relationships, errors: Errors::new() };
        let value = build(&mut reader);
        reader.finish().or(value)
    }
}

impl Reader {
    /// An attribute that must be given and not null.
    pub fn required<T: Attribute>(&mut self, name: &str) -> T {
        match self.attributes.remove(name) {
            None | Some(Value::Null) => {
                self.errors.push(Error::new(Code::REQUIRED, format!("{name} is required.")).at_attribute(name));
                T::default()
            }
            Some(value) => self.convert(name, value).unwrap_or_default(),
        }
    }

    /// An attribute that may be left out but not be null.
    pub fn optional<T: Attribute>(&mut self, name: &str) -> Option<T> {
        let value = self.attributes.remove(name)?;
        self.convert(name, value)
    }

    /// An attribute that may be left out or be null.
    pub fn nullable<T: Attribute>(&mut self, name: &str) -> Field<T> {
        match self.attributes.remove(name) {
            None => Field::Absent,
            Some(Value::Null) => Field::Null,
            Some(value) => self.convert(name, value).map_or(Field::Absent, Field::Value),
        }
    }

    /// The id of a to-one relationship to `kind` that must be given and not null.
    pub fn required_one(&mut self, name: &str, kind: &str) -> String {
        match self.optional_one(name, kind) {
            Field::Value(id) => id,
            Field::Absent | Field::Null => {
                self.errors.push(Error::new(Code::REQUIRED, format!("{name} is required.")).at_relationship(name));
                String::new()
            }
        }
    }

    /// The id of a to-one relationship to `kind` that may be left out or be null.
    pub fn optional_one(&mut self, name: &str, kind: &str) -> Field<String> {
        match self.relationships.remove(name) {
            None => Field::Absent,
            Some(Linkage::One(None)) => Field::Null,
            // A faulty value counts as given: the error below is the only one it deserves.
            Some(Linkage::One(Some(identifier))) => {
                let id = id_of(identifier, kind, &data_pointer(name));
                Field::Value(id.map_err(|error| self.errors.push(error)).unwrap_or_default())
            }
            Some(Linkage::Many(_)) => {
                self.wrong_linkage(name, "One resource identifier is needed here, not a list.");
                Field::Value(String::new())
            }
        }
    }

    /// The ids of a to-many relationship to `kind`, unless it is left out.
    pub fn many(&mut self, name: &str, kind: &str) -> Option<Vec<String>> {
        match self.relationships.remove(name)? {
            Linkage::Many(identifiers) => {
                let ids = ids_of(identifiers, kind, &data_pointer(name));
                ids.map_err(|errors| self.errors.extend(errors)).ok()
            }
            Linkage::One(_) => {
                self.wrong_linkage(name, "A list of resource identifiers is needed here.");
                None
            }
        }
    }

    /// Notes a fault that only the caller can see, such as a malformed e-mail address.
    pub fn refuse(&mut self, error: Error) {
        self.errors.push(error);
    }

    fn convert<T: Attribute>(&mut self, name: &str, value: Value) -> Option<T> {
        let wrong = match T::from_json(value) {
            Ok(value) => return Some(value),
            Err(wrong) => wrong,
        };
        let at = pointer("/data/attributes", name) + &wrong.pointer;
        let detail = format!("{name} must be {}.", wrong.expected);
        self.errors.push(Error::new(Code::INVALID_ATTRIBUTE, detail).at_pointer(at));
        None
    }

    fn wrong_linkage(&mut self, name: &str, detail: &str) {
        self.errors.push(Error::new(Code::INVALID_RELATIONSHIP, detail).at_pointer(data_pointer(name)));
    }

    fn finish(mut self) -> Errors {
        for name in self.attributes.keys() {
            let detail = format!("This is not an attribute of {} that can be written here.", self.kind);
            self.errors.push(Error::new(Code::INVALID_ATTRIBUTE, detail).at_attribute(name));
        }
        for name in self.relationships.keys() {
            let detail = format!("This is not a relationship of {} that can be written here.", self.kind);
            self.errors.push(Error::new(Code::INVALID_RELATIONSHIP, detail).at_relationship(name));
        }
        self.errors
    }
}

fn data_pointer(relationship: &str) -> String {
    pointer("/data/relationships", relationship) + "/data"
}
