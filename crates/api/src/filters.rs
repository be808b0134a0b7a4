//! What the filters of a query leave to be looked for. Texts are compared as they are; a text that cannot be a value
//! of its field, such as an id that is none, matches nothing.

use std::str::FromStr;

use paylent_domain::{Id, Timestamp};
use paylent_jsonapi::{Code, Condition, Error, Filter};
use paylent_storage::{NameIs, Page};

use crate::entity::Entity;

/// The filters of one query. All must hold.
pub(crate) struct Filters<'q>(pub &'q [Filter]);

impl Filters<'_> {
    /// The one value that a field must have: `Some(None)` when it may have any, `None` when nothing can match.
    pub(crate) fn one<T: FromStr>(&self, field: &str) -> Option<Option<T>> {
        match self.values(field).as_deref() {
            None => Some(None),
            Some([text]) => text.parse().ok().map(Some),
            Some(_) => None,
        }
    }

    /// The one value that a field must not have, if it can have it at all.
    pub(crate) fn not<T: FromStr>(&self, field: &str) -> Option<T> {
        self.of(field).find_map(|condition| match condition {
            Condition::NotEq(text) => text.parse().ok(),
            _ => None,
        })
    }

    /// Whether a field must have no value (true), or one (false).
    pub(crate) fn is_nil(&self, field: &str) -> Option<bool> {
        self.of(field).find_map(|condition| match condition {
            Condition::IsNil(nil) => Some(*nil),
            _ => None,
        })
    }

    /// Narrows a page by what every list has: the id, the time of creation and the name. `None` when nothing can match.
    ///
    /// # Errors
    /// 400 for a moment that is none.
    pub(crate) fn narrow<E: Entity>(&self, mut page: Page) -> Result<Option<Page>, Error> {
        if let Some(texts) = self.values("id") {
            let ids = texts.into_iter().filter_map(|text| text.parse::<Id<E>>().ok()).map(|id| *id.as_bytes());
            page.ids = Some(ids.collect());
        }
        for condition in self.of(E::TIME) {
            let moment = |text: &str| {
                text.parse::<Timestamp>().map_err(|reason| {
                    let error = Error::new(Code::INVALID_FILTER, format!("{} {reason}.", E::TIME));
                    error.at_parameter(&format!("filter[{}]", E::TIME))
                })
            };
            let next = |at: Timestamp| Timestamp::from_micros(at.micros().saturating_add(1));
            match condition {
                Condition::Gte(text) => page.since = page.since.max(Some(moment(text)?)),
                Condition::Gt(text) => page.since = page.since.max(Some(next(moment(text)?))),
                Condition::Lt(text) => page.before = earlier(page.before, moment(text)?),
                Condition::Lte(text) => page.before = earlier(page.before, next(moment(text)?)),
                _ => {}
            }
        }
        for condition in E::NAMED_BY.into_iter().flat_map(|name| self.of(name)) {
            let wanted = match condition {
                Condition::Eq(text) => NameIs::In(E::name_meant(text).into_iter().collect()),
                Condition::In(texts) => NameIs::In(texts.iter().filter_map(|text| E::name_meant(text)).collect()),
                Condition::NotEq(text) => match E::name_meant(text) {
                    Some(name) => NameIs::Not(name),
                    None => continue,
                },
                Condition::Contains(text) => NameIs::Containing(text.clone()),
                _ => continue,
            };
            if wanted == NameIs::In(Vec::new()) {
                return Ok(None);
            }
            page.name.push(wanted);
        }
        Ok(Some(page).filter(|page| page.ids.as_ref().is_none_or(|ids| !ids.is_empty())))
    }

    fn of(&self, field: &str) -> impl Iterator<Item = &Condition> {
        self.0.iter().filter(move |filter| filter.field == field).map(|filter| &filter.condition)
    }

    /// The values that a field may have; `None` when it may have any.
    fn values(&self, field: &str) -> Option<Vec<&str>> {
        let listed = self.of(field).filter_map(|condition| match condition {
            Condition::Eq(value) => Some(vec![value.as_str()]),
            Condition::In(values) => Some(values.iter().map(String::as_str).collect()),
            _ => None,
        });
        listed.reduce(|mut left, right| {
            left.retain(|value| right.contains(value));
            left
        })
    }
}

fn earlier(before: Option<Timestamp>, moment: Timestamp) -> Option<Timestamp> {
    Some(before.map_or(moment, |before| before.min(moment)))
}

#[cfg(test)]
mod tests {
    use paylent_domain::user::User;

    use super::*;

    fn is(field: &'static str, condition: Condition) -> Filter {
        Filter { field, condition }
    }

    fn eq(field: &'static str, value: &str) -> Filter {
        is(field, Condition::Eq(value.to_owned()))
    }

    fn narrowed(filters: &[Filter]) -> Option<Page> {
        Filters(filters).narrow::<User>(Page::default()).unwrap()
    }

    #[test]
    fn ap_filter_a_text_that_is_no_value_of_its_field_matches_nothing() {
        assert!(narrowed(&[]).unwrap().ids.is_none());
        assert!(narrowed(&[eq("id", "' OR 1=1--")]).is_none());
        assert!(narrowed(&[eq("email", "%")]).is_none());
        assert_eq!(Filters(&[eq("user", "%")]).one::<Id<User>>("user"), None);
        assert_eq!(Filters(&[]).one::<Id<User>>("user"), Some(None));
    }

    #[test]
    fn two_filters_of_one_field_must_both_hold() {
        let either = is("name", Condition::In(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(Filters(&[either, eq("name", "b")]).one::<String>("name"), Some(Some("b".to_owned())));
        assert_eq!(Filters(&[eq("name", "a"), eq("name", "b")]).one::<String>("name"), None);
    }

    #[test]
    fn moments_bound_the_time_of_creation_from_both_sides() {
        let at = |condition: fn(String) -> Condition, text: &str| is("created_at", condition(text.to_owned()));
        let page = narrowed(&[
            at(Condition::Gt, "1970-01-01T00:00:01Z"),
            at(Condition::Gte, "1970-01-01T00:00:01Z"),
            at(Condition::Lte, "1970-01-01T01:00:02+01:00"),
            at(Condition::Lt, "1970-01-01T00:00:09Z"),
        ]);
        let page = page.unwrap();
        assert_eq!(page.since, Some(Timestamp::from_micros(1_000_001)));
        assert_eq!(page.before, Some(Timestamp::from_micros(2_000_001)));
        let tomorrow = [at(Condition::Gt, "tomorrow")];
        assert!(Filters(&tomorrow).narrow::<User>(Page::default()).is_err());
    }

    #[test]
    fn an_address_is_looked_for_however_it_is_spelled() {
        let page = narrowed(&[eq("email", "JANE@Example.com")]).unwrap();
        assert_eq!(page.name, [NameIs::In(vec!["jane@example.com".to_owned()])]);
    }
}
