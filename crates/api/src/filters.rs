//! What the filters of a query leave to be looked for. Texts are compared as they are; a text that cannot be a value
//! of its field, such as an id that is none, matches nothing.

use std::str::FromStr;

use paylent_domain::Id;
use paylent_jsonapi::{Condition, Filter};

/// The filters of one query. All must hold.
pub(crate) struct Filters<'q>(pub &'q [Filter]);

impl Filters<'_> {
    /// The ids that are asked for; `None` when all are.
    pub(crate) fn ids<T>(&self) -> Option<Vec<Id<T>>> {
        let texts = self.values("id")?;
        Some(texts.into_iter().filter_map(|text| text.parse().ok()).collect())
    }

    /// The one value that a field must have: `Some(None)` when it may have any, `None` when nothing can match.
    pub(crate) fn one<T: FromStr>(&self, field: &str) -> Option<Option<T>> {
        match self.values(field).as_deref() {
            None => Some(None),
            Some([text]) => text.parse().ok().map(Some),
            Some(_) => None,
        }
    }

    /// The values that a field may have; `None` when it may have any.
    fn values(&self, field: &str) -> Option<Vec<&str>> {
        let conditions = self.0.iter().filter(|filter| filter.field == field);
        conditions.map(|filter| values_of(&filter.condition)).reduce(|mut left, right| {
            left.retain(|value| right.contains(value));
            left
        })
    }
}

/// The schemas offer `eq` and `in` only.
fn values_of(condition: &Condition) -> Vec<&str> {
    match condition {
        Condition::Eq(value) => vec![value],
        Condition::In(values) => values.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use paylent_domain::user::User;

    use super::*;

    fn eq(field: &'static str, value: &str) -> Filter {
        Filter { field, condition: Condition::Eq(value.to_owned()) }
    }

    #[test]
    fn ap_filter_a_text_that_is_no_id_matches_nothing() {
        assert_eq!(Filters(&[]).ids::<User>(), None);
        assert_eq!(Filters(&[eq("id", "' OR 1=1--")]).ids::<User>(), Some(Vec::new()));
        assert_eq!(Filters(&[eq("user", "%")]).one::<Id<User>>("user"), None);
        assert_eq!(Filters(&[]).one::<Id<User>>("user"), Some(None));
    }

    #[test]
    fn two_filters_of_one_field_must_both_hold() {
        let either = Filter { field: "name", condition: Condition::In(vec!["a".to_owned(), "b".to_owned()]) };
        assert_eq!(Filters(&[either, eq("name", "b")]).one::<String>("name"), Some(Some("b".to_owned())));
        assert_eq!(Filters(&[eq("name", "a"), eq("name", "b")]).one::<String>("name"), None);
    }
}
