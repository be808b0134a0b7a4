//! Reading attributes as values of the domain: every broken rule becomes a 422 that points to the attribute.

use paylent_domain::Invalid;
use paylent_jsonapi::{Attribute, Code, Error, Errors, Field, Incoming, Reader, WrongType, pointer};

/// Reads a document. `build` asks for every attribute before it answers; it answers `None` only after a fault that
/// the reader has noted.
///
/// # Errors
/// All faults of the document together.
pub(crate) fn read<T>(document: Incoming, build: impl FnOnce(&mut Reader) -> Option<T>) -> Result<T, Errors> {
    document.read(build)?.ok_or_else(Errors::new)
}

/// An attribute that must be given.
pub(crate) fn required<T: Attribute, U>(
    given: &mut Reader,
    name: &str,
    check: impl FnOnce(T) -> Result<U, Invalid>,
) -> Option<U> {
    let value = given.required::<Given<T>>(name).0?;
    noted(given, name, check(value))
}

/// An attribute that may be left out, but not be null.
pub(crate) fn optional<T: Attribute, U>(
    given: &mut Reader,
    name: &str,
    check: impl FnOnce(T) -> Result<U, Invalid>,
) -> Option<U> {
    let value = given.optional::<T>(name)?;
    noted(given, name, check(value))
}

/// An attribute that may be left out or be null.
pub(crate) fn nullable<T: Attribute, U>(
    given: &mut Reader,
    name: &str,
    check: impl FnOnce(T) -> Result<U, Invalid>,
) -> Field<U> {
    match given.nullable::<T>(name) {
        Field::Absent => Field::Absent,
        Field::Null => Field::Null,
        Field::Value(value) => noted(given, name, check(value)).map_or(Field::Absent, Field::Value),
    }
}

/// Items of most lists, at most.
const MAX_ITEMS: usize = 100;

/// A list of at most 100 items that may be left out. Each item is checked, and none may occur twice.
pub(crate) fn list<U: PartialEq>(
    given: &mut Reader,
    name: &str,
    check: impl Fn(String) -> Result<U, Invalid>,
) -> Option<Vec<U>> {
    let items = given.optional::<Vec<String>>(name)?;
    if items.len() > MAX_ITEMS {
        given.refuse(invalid(name, &Invalid("must have at most 100 items")));
        return None;
    }
    Some(distinct(given, name, items, check))
}

/// The items of a list that are right. The others are noted, and so is one that occurs twice.
pub(crate) fn distinct<U: PartialEq>(
    given: &mut Reader,
    name: &str,
    items: Vec<String>,
    check: impl Fn(String) -> Result<U, Invalid>,
) -> Vec<U> {
    let mut checked = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        match check(item) {
            Ok(item) if checked.contains(&item) => {
                given.refuse(invalid_item(name, index, &Invalid("is listed twice")));
            }
            Ok(item) => checked.push(item),
            Err(reason) => given.refuse(invalid_item(name, index, &reason)),
        }
    }
    checked
}

/// An attribute that breaks a rule.
pub(crate) fn invalid(name: &str, reason: &Invalid) -> Error {
    Error::new(Code::INVALID_ATTRIBUTE, format!("{name} {reason}.")).at_attribute(name)
}

/// An item of a list that breaks a rule.
pub(crate) fn invalid_item(name: &str, index: usize, reason: &Invalid) -> Error {
    let at = format!("{}/{index}", pointer("/data/attributes", name));
    Error::new(Code::INVALID_ATTRIBUTE, format!("{name} {index} {reason}.")).at_pointer(at)
}

fn noted<U>(given: &mut Reader, name: &str, checked: Result<U, Invalid>) -> Option<U> {
    checked.map_err(|reason| given.refuse(invalid(name, &reason))).ok()
}

/// A value as given. The reader puts `None` in place of one that is missing or of the wrong type.
struct Given<T>(Option<T>);

impl<T> Default for Given<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Attribute> Attribute for Given<T> {
    fn from_json(value: serde_json::Value) -> Result<Self, WrongType> {
        T::from_json(value).map(Some).map(Self)
    }
}
