//! The audit trail.

use paylent_domain::audit::Entry;
use serde_json::json;
use utoipa::openapi::{
    Schema,
    schema::{ArrayBuilder, ObjectBuilder, Type},
};

use crate::openapi::{
    examples,
    property::{Documented, EXAMPLE_MOMENT, Property, id, ip_address, moment, or_null, text, typed, word},
};

impl Documented for Entry {
    const ABOUT: &'static str = "Who changed what, from where and when. Nobody changes what was recorded.";

    fn properties() -> Vec<Property> {
        let jane = json!({"type": "user", "id": examples::id("user"), "name": "jane@example.com"});
        let action = "What was done, as `resource.verb`.";
        let targets = "What it was done to, the thing itself first. Some may be gone by now.";
        vec![
            Property::new("action", action, text(), "user.updated"),
            Property::new("actor", "Who did it: a user, or the installation itself.", actor(), jane.clone()),
            Property::new("targets", targets, ArrayBuilder::new().items(target()), json!([jane])),
            Property::new(
                "changes",
                "Which fields changed, each with its old and its new value in words. Secrets are never recorded.",
                typed(Type::Object).additional_properties(Some(change())),
                json!({"last_name": {"from": null, "to": "Doe"}}),
            ),
            Property::new("ip_address", "The actor's address.", ip_address(), "203.0.113.5").null_if_unknown(),
            Property::new("user_agent", "The actor's `User-Agent`.", text(), "curl/8.5.0").null_if_unknown(),
            Property::new("occurred_at", "When.", moment(), EXAMPLE_MOMENT),
        ]
    }
}

fn actor() -> ObjectBuilder {
    named(word(&["user", "system"]), or_null(id().into()))
}

fn target() -> ObjectBuilder {
    named(text(), text().into())
}

fn named(kind: ObjectBuilder, id: Schema) -> ObjectBuilder {
    let object = typed(Type::Object).property("type", kind).property("id", id).property("name", text());
    object.required("type").required("id").required("name")
}

fn change() -> ObjectBuilder {
    let words = || or_null(text().into());
    typed(Type::Object).property("from", words()).property("to", words()).required("from").required("to")
}
