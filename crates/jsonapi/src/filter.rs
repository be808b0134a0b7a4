//! The `filter` family of query parameters.

use crate::error::shortened;
use crate::parameters::Parameter;
use crate::{Code, Error, FilterField, Operator, Schema};

/// Bytes of one filter value, at most.
const MAX_VALUE: usize = 1024;

/// Values of one `in` list, at most: as many as rows on the largest page.
const MAX_LIST: usize = crate::page::MAX_PAGE_SIZE;

/// One condition on one field. Texts are as the client sent them, decoded: match them literally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Name from [`Schema::filters`].
    pub field: &'static str,
    /// What must hold for it.
    pub condition: Condition,
}

/// An [`Operator`] with its operand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Equal.
    Eq(String),
    /// Not equal.
    NotEq(String),
    /// One of these (at least one, at most 100).
    In(Vec<String>),
    /// Greater.
    Gt(String),
    /// Greater or equal.
    Gte(String),
    /// Less.
    Lt(String),
    /// Less or equal.
    Lte(String),
    /// Contains this text.
    Contains(String),
    /// Has no value (true), or has one (false).
    IsNil(bool),
}

impl Filter {
    /// Reads `filter[name]` or `filter[name][operator]`.
    pub(crate) fn parse(parameter: &Parameter, keys: &[&str], schema: &Schema) -> Result<Self, Error> {
        let invalid = |detail: String| parameter.error(Code::INVALID_FILTER, detail);
        let (name, word) = match *keys {
            [name] => (name, None),
            [name, word] => (name, Some(word)),
            _ => return Err(invalid("Write filter[name] or filter[name][operator].".to_owned())),
        };
        let field = schema.filters.iter().find(|field| field.name == name);
        let field = field.ok_or_else(|| invalid(format!("Filtering by {} is not supported.", shortened(name))))?;
        let operator = match word {
            None => implied(field, &parameter.value),
            Some(word) => Operator::from_word(word)
                .ok_or_else(|| invalid(format!("{} is not a filter operator.", shortened(word))))?,
        };
        if !field.operators.contains(&operator) {
            return Err(invalid(format!("{name} cannot be filtered with {operator}.")));
        }
        let condition = Condition::parse(operator, &parameter.value).map_err(invalid)?;
        Ok(Self { field: field.name, condition })
    }
}

fn implied(field: &FilterField, value: &str) -> Operator {
    let list = value.contains(',') || !field.operators.contains(&Operator::Eq);
    if list && field.operators.contains(&Operator::In) { Operator::In } else { Operator::Eq }
}

impl Condition {
    fn parse(operator: Operator, value: &str) -> Result<Self, String> {
        Ok(match operator {
            Operator::Eq => Self::Eq(text(value)?),
            Operator::NotEq => Self::NotEq(text(value)?),
            Operator::In => Self::In(list(value)?),
            Operator::Gt => Self::Gt(text(value)?),
            Operator::Gte => Self::Gte(text(value)?),
            Operator::Lt => Self::Lt(text(value)?),
            Operator::Lte => Self::Lte(text(value)?),
            Operator::Contains => Self::Contains(text(value)?),
            Operator::IsNil => match value {
                "true" => Self::IsNil(true),
                "false" => Self::IsNil(false),
                _ => return Err("is_nil needs true or false.".to_owned()),
            },
        })
    }
}

fn text(value: &str) -> Result<String, String> {
    if value.len() > MAX_VALUE {
        return Err(format!("The value is longer than {MAX_VALUE} bytes."));
    }
    Ok(value.to_owned())
}

fn list(value: &str) -> Result<Vec<String>, String> {
    if value.split(',').count() > MAX_LIST {
        return Err(format!("The list has more than {MAX_LIST} values."));
    }
    if value.split(',').any(str::is_empty) {
        return Err("The list has an empty value.".to_owned());
    }
    value.split(',').map(text).collect()
}
