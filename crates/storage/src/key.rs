//! Ids as databases hold them: sixteen bytes.

use diesel::{
    backend::Backend,
    deserialize::FromSqlRow,
    deserialize::{self, FromSql},
    expression::AsExpression,
    serialize::{self, Output, ToSql},
    sql_types::Binary,
};
use paylent_domain::Id;

/// The sixteen bytes of an id, without saying whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub(crate) struct Key(pub(crate) [u8; 16]);

impl Key {
    /// The id of a `T`, as the column says.
    pub(crate) fn id<T>(self) -> Id<T> {
        Id::from_bytes(self.0)
    }

    /// The keys of these ids.
    pub(crate) fn all<T>(ids: Vec<Id<T>>) -> Vec<Self> {
        ids.into_iter().map(Self::from).collect()
    }
}

impl<T> From<Id<T>> for Key {
    fn from(id: Id<T>) -> Self {
        Self(*id.as_bytes())
    }
}

impl<DB> FromSql<Binary, DB> for Key
where
    DB: Backend,
    Vec<u8>: FromSql<Binary, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let bytes = Vec::<u8>::from_sql(bytes)?;
        bytes.try_into().map(Self).map_err(|_| "an id that has not sixteen bytes".into())
    }
}

impl<DB> ToSql<Binary, DB> for Key
where
    DB: Backend,
    [u8]: ToSql<Binary, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.as_slice().to_sql(out)
    }
}
