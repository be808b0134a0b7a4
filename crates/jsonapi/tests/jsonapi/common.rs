//! A schema and small readers of errors that several tests share.
use paylent_jsonapi::{Error, Errors, FilterField, Location, Operator, Schema};

pub(crate) static USER: Schema = Schema {
    kind: "user",
    attributes: &["email", "name", "created_at"],
    relationships: &["organization", "roles"],
    includes: &["organization", "roles", "roles.permissions"],
    sorts: &["id", "email", "name", "created_at"],
    filters: &[
        FilterField { name: "id", operators: &[Operator::Eq, Operator::In] },
        FilterField { name: "email", operators: &[Operator::Eq, Operator::NotEq, Operator::Contains] },
        FilterField {
            name: "created_at",
            operators: &[Operator::Gt, Operator::Gte, Operator::Lt, Operator::Lte, Operator::IsNil],
        },
        FilterField { name: "role.name", operators: &[Operator::Eq, Operator::In] },
        FilterField { name: "status", operators: &[Operator::In] },
    ],
    others: &[&ROLE],
};

pub(crate) static ROLE: Schema = Schema {
    kind: "role",
    attributes: &["name"],
    relationships: &["permissions"],
    includes: &[],
    sorts: &[],
    filters: &[],
    others: &[&USER],
};

/// The place an error speaks of, in words of its kind.
pub(crate) fn place(error: &Error) -> &str {
    match error.location() {
        Some(Location::Pointer(text) | Location::Parameter(text)) => text,
        Some(Location::Header(name)) => name,
        None => "nowhere",
    }
}

/// Each error as `status code place`.
pub(crate) fn lines(errors: &Errors) -> Vec<String> {
    errors.iter().map(|error| format!("{} {} {}", error.status(), error.code().word, place(error))).collect()
}
