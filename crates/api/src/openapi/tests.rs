//! The words of the description, held against the schemas that readers may ask for.

use paylent_domain::{
    application::{Application, Connection, StaticToken},
    audit::Entry,
    client::Client,
    environment::EnvironmentSettings,
    invitation::Invitation,
    mail::Mail,
    organization::{Membership, MembershipRole, Organization},
    permission::{Permission, RolePermission},
    resource_server::{ClientGrant, ResourceServer},
    role::{Role, UserRole},
    scope::Scope,
    session::Session,
    signing_key::SigningKey,
    user::User,
};

use super::{
    describe,
    property::{Documented, Given},
};

/// What is to be compared of one type.
struct Words {
    kind: &'static str,
    attributes: (Vec<&'static str>, Vec<&'static str>),
    relationships: (Vec<&'static str>, Vec<&'static str>),
    verbs: Vec<&'static str>,
    pointless: Vec<&'static str>,
}

fn words<E: Documented>() -> Words {
    let shown = E::properties().iter().filter(|property| property.shown).map(|property| property.name).collect();
    let related = E::relations().iter().map(|relation| relation.name).collect();
    let unseen =
        |property: &super::property::Property| !property.shown && property.create == Given::Never && !property.update;
    Words {
        kind: E::SCHEMA.kind,
        attributes: (shown, E::SCHEMA.attributes.to_vec()),
        relationships: (related, E::SCHEMA.relationships.to_vec()),
        verbs: E::VERBS.iter().map(|(verb, _)| *verb).collect(),
        pointless: E::properties().iter().filter(|property| unseen(property)).map(|property| property.name).collect(),
    }
}

fn all() -> [Words; 21] {
    [
        words::<User>(),
        words::<Session>(),
        words::<Role>(),
        words::<Permission>(),
        words::<RolePermission>(),
        words::<UserRole>(),
        words::<Client>(),
        words::<ResourceServer>(),
        words::<Scope>(),
        words::<ClientGrant>(),
        words::<SigningKey>(),
        words::<Organization>(),
        words::<Membership>(),
        words::<MembershipRole>(),
        words::<Invitation>(),
        words::<Application>(),
        words::<Connection>(),
        words::<StaticToken>(),
        words::<Entry>(),
        words::<EnvironmentSettings>(),
        words::<Mail>(),
    ]
}

#[test]
fn every_attribute_and_relationship_that_can_be_asked_for_is_described_and_no_other() {
    for words in all() {
        assert_eq!(words.attributes.0, words.attributes.1, "{}", words.kind);
        assert_eq!(words.relationships.0, words.relationships.1, "{}", words.kind);
        assert_eq!(words.pointless, [""; 0], "{}: neither shown nor given", words.kind);
    }
}

#[test]
fn every_resource_type_is_tested_here_and_every_verb_has_words() {
    assert_eq!(describe().tags.unwrap_or_default().len(), all().len());
    let mut described: Vec<String> =
        all().iter().flat_map(|words| words.verbs.iter().map(|verb| format!("{}/{verb}", words.kind))).collect();
    let is_verb = |path: &&str| path.split('/').nth(3).is_some_and(|last| last != "relationships");
    let patched = crate::ENDPOINTS.iter().filter(|endpoint| endpoint.method == "PATCH").map(|endpoint| endpoint.path);
    let mut mounted: Vec<String> = patched
        .filter(is_verb)
        .map(|path| path.trim_start_matches('/').replace("s/{id}/", "/").replace('-', "_"))
        .collect();
    described.iter_mut().for_each(|verb| *verb = verb.replace('-', "_"));
    described.sort_unstable();
    mounted.sort_unstable();
    assert_eq!(described, mounted);
}
