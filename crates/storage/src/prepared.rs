//! Statements that are prepared once for each connection.
//!
//! Diesel prepares an `UPDATE` again each time, since what it sets may depend on its values (`Option`s of a change set).
//! That costs a round trip, or two, on PostgreSQL. Where the columns are written out the text is always the same.

use diesel::{
    QueryResult,
    backend::Backend,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
};

/// A statement whose text does not depend on its values.
pub(crate) struct Prepared<Q>(Q);

/// Marks a statement as one whose text does not depend on its values.
pub(crate) trait Prepare: Sized {
    /// The same statement, prepared once for each connection.
    fn prepared(self) -> Prepared<Self> {
        Prepared(self)
    }
}

impl<Q> Prepare for Q {}

impl<Q, DB> QueryFragment<DB> for Prepared<Q>
where
    DB: Backend,
    Q: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

/// Known by its text, not by its type: two statements never share a plan by mistake.
impl<Q> QueryId for Prepared<Q> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Prepared<Q> {
    type SqlType = Q::SqlType;
}
