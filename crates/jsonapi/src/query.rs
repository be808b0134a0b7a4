//! Query parameters, checked against a [`Schema`] (JSON:API 1.1, "Fetching Data").

use crate::error::shortened;
use crate::filter::Filter;
use crate::page::{Page, PageParameters};
use crate::parameters::{self, Parameter};
use crate::schema::listed;
use crate::{Code, Error, Errors, Schema};

const MAX_SORT_KEYS: usize = 10;

/// What a request asks to see. Every name in it is one of the schema's.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    kind: &'static str,
    /// Paths to include; `None` if the parameter was not given, so that `included` stays out of the answer.
    pub include: Option<Vec<&'static str>>,
    /// Sparse fieldsets.
    pub fields: Fieldsets,
    /// A total order: ends with `id`, in the direction of the key before it, unless the request sorts by `id` itself.
    pub sort: Vec<Sort>,
    /// Filters, all of which must hold.
    pub filter: Vec<Filter>,
    /// Which page of a collection.
    pub page: Page,
}

/// One sort key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// Name from [`Schema::sorts`], or `id`.
    pub field: &'static str,
    /// True for `-field`.
    pub descending: bool,
}

impl Query {
    /// Reads the query string (without `?`) of a request for a collection. The caller bounds its length.
    ///
    /// Every fault is 400 with `source.parameter` and one of `invalid_query`, `invalid_includes`, `invalid_field`,
    /// `invalid_sort`, `invalid_filter`, `invalid_pagination`; all of them come back together.
    pub fn collection(raw: &str, schema: &Schema) -> Result<Self, Errors> {
        Self::parse(raw, schema, true)
    }

    /// Reads the query string of a request for a single resource, or of a write: `include` and `fields` only.
    pub fn resource(raw: &str, schema: &Schema) -> Result<Self, Errors> {
        Self::parse(raw, schema, false)
    }

    fn parse(raw: &str, schema: &Schema, collection: bool) -> Result<Self, Errors> {
        let mut errors = Errors::new();
        let mut query = Self {
            kind: schema.kind,
            include: None,
            fields: Fieldsets::default(),
            sort: Vec::new(),
            filter: Vec::new(),
            page: Page::default(),
        };
        let parameters = parameters::parse(raw, &mut errors);
        let mut page = PageParameters::default();
        for parameter in &parameters {
            if let Err(error) = query.apply(parameter, schema, collection, &mut page) {
                errors.push(error);
            }
        }
        query.page = page.finish(&mut errors);
        query.make_order_total();
        errors.or(query)
    }

    fn apply<'p>(
        &mut self,
        parameter: &'p Parameter,
        schema: &Schema,
        collection: bool,
        page: &mut PageParameters<'p>,
    ) -> Result<(), Error> {
        let (family, keys) = parameter.family_and_keys().unwrap_or_default();
        match (family, keys.as_slice()) {
            ("include", []) => self.include = Some(include(parameter, schema)?),
            ("fields", [kind]) => self.fields.0.push(fieldset(parameter, kind, schema)?),
            ("fields", _) => return Err(parameter.error(Code::INVALID_FIELD, "Write fields[type].")),
            ("sort", []) if collection => self.sort = sort(parameter, schema)?,
            ("filter", keys) if collection => self.filter.push(Filter::parse(parameter, keys, schema)?),
            ("page", keys) if collection => page.give(parameter, keys)?,
            _ => return Err(parameter.error(Code::INVALID_QUERY, "This parameter is not supported here.")),
        }
        Ok(())
    }

    /// Rows that compare equal would otherwise be skipped or repeated between pages. The direction of the last key
    /// lets a database read one index backwards.
    fn make_order_total(&mut self) {
        if self.sort.iter().all(|key| key.field != "id") {
            let descending = self.sort.last().is_some_and(|key| key.descending);
            self.sort.push(Sort { field: "id", descending });
        }
    }

    /// True if `path`, or a longer path through it, is to be included: the resources in the middle of a path belong to
    /// the answer too.
    pub fn includes(&self, path: &str) -> bool {
        let leads_to =
            |asked: &str| asked.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.include.iter().flatten().any(|asked| leads_to(asked))
    }

    /// The context of this list's cursors: `scope` (the environment, and the parent of a related list), the resource
    /// type and the order. A cursor of any other list is refused.
    pub fn cursor_context(&self, scope: &str) -> String {
        let keys = self.sort.iter().map(|key| format!("{}{}", if key.descending { "-" } else { "" }, key.field));
        format!("{scope}\n{}\n{}", self.kind, keys.collect::<Vec<_>>().join(","))
    }
}

/// Sparse fieldsets: per type, the attributes and relationships to show. A type without one shows everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fieldsets(Vec<(&'static str, Vec<&'static str>)>);

impl Fieldsets {
    /// True if resources of type `kind` are to show `field`. Lets a handler skip what costs a query.
    pub fn allow(&self, kind: &str, field: &str) -> bool {
        self.of(kind).is_none_or(|fields| fields.contains(&field))
    }

    /// The fields asked for, if any were asked for this type.
    pub(crate) fn of(&self, kind: &str) -> Option<&[&'static str]> {
        self.0.iter().find(|(known, _)| *known == kind).map(|(_, fields)| fields.as_slice())
    }
}

fn include(parameter: &Parameter, schema: &Schema) -> Result<Vec<&'static str>, Error> {
    names(parameter, |path| listed(schema.includes, path))
        .map_err(|unknown| parameter.error(Code::INVALID_INCLUDES, format!("{unknown} cannot be included.")))
}

fn fieldset(parameter: &Parameter, kind: &str, schema: &Schema) -> Result<(&'static str, Vec<&'static str>), Error> {
    let invalid = |detail: String| parameter.error(Code::INVALID_FIELD, detail);
    let Some(schema) = schema.of_kind(kind) else {
        return Err(invalid(format!("No {} can be in the answer.", shortened(kind))));
    };
    let fields = names(parameter, |field| schema.field(field))
        .map_err(|unknown| invalid(format!("{} has no field {unknown}.", schema.kind)))?;
    Ok((schema.kind, fields))
}

/// The static twins of the names in a list, each once; or the first name that has none.
fn names(parameter: &Parameter, twin: impl Fn(&str) -> Option<&'static str>) -> Result<Vec<&'static str>, &str> {
    let mut names = Vec::new();
    for given in parameter.list() {
        let name = twin(given).ok_or(shortened(given))?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn sort(parameter: &Parameter, schema: &Schema) -> Result<Vec<Sort>, Error> {
    let invalid = |detail: String| parameter.error(Code::INVALID_SORT, detail);
    let mut keys: Vec<Sort> = Vec::new();
    for given in parameter.list() {
        if keys.len() == MAX_SORT_KEYS {
            return Err(invalid(format!("At most {MAX_SORT_KEYS} sort keys are allowed.")));
        }
        let (name, descending) = given.strip_prefix('-').map_or((given, false), |name| (name, true));
        let field = listed(schema.sorts, name)
            .ok_or_else(|| invalid(format!("Sorting by {} is not supported.", shortened(name))))?;
        if keys.iter().any(|key| key.field == field) {
            return Err(invalid(format!("{field} is a sort key more than once.")));
        }
        keys.push(Sort { field, descending });
    }
    Ok(keys)
}
