//! Organizations, their members, and who is invited.

use paylent_domain::{
    invitation::{Invitation, InvitationStatus, MAX_ROLES},
    language::Language,
    organization::{MAX_NAME, Membership, MembershipRole, Organization},
};
use serde_json::json;

use crate::openapi::{
    examples,
    property::{Documented, Property, Relation, email, id, line, moment, set, text, word},
};

impl Documented for Organization {
    const ABOUT: &'static str = "Companies, teams or customers inside the environment.";

    fn properties() -> Vec<Property> {
        vec![
            Property::new("name", "What people call it.", line(MAX_NAME), "Acme Corporation").required(),
            Property::new(
                "slug",
                "What authorization requests may call it beside its id, unique in the environment; none unless told.",
                text().pattern(Some("^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")),
                "acme",
            )
            .optional()
            .nullable(),
            Property::created_at(),
            Property::updated_at(),
        ]
    }

    fn relations() -> Vec<Relation> {
        vec![Relation::to_many("memberships", "membership", "Who belongs to it.")]
    }
}

impl Documented for Membership {
    const ABOUT: &'static str = "That a user belongs to an organization.";

    fn properties() -> Vec<Property> {
        vec![Property::created_at()]
    }

    fn relations() -> Vec<Relation> {
        vec![
            Relation::to_one("user", "user", "Who belongs.").required(),
            Relation::to_one("organization", "organization", "To what.").required(),
            Relation::to_many("roles", "role", "The roles held there."),
        ]
    }
}

impl Documented for MembershipRole {
    const ABOUT: &'static str = "That a member holds a role in the organization.";

    fn properties() -> Vec<Property> {
        vec![Property::created_at()]
    }

    fn relations() -> Vec<Relation> {
        vec![
            Relation::to_one("membership", "membership", "Who holds it, and where.").required(),
            Relation::to_one("role", "role", "What is held.").required(),
        ]
    }
}

impl Documented for Invitation {
    const ABOUT: &'static str = "That somebody is asked to join an organization.";
    const VERBS: &'static [(&'static str, &'static str)] = &[("revoke", "Takes the invitation back.")];

    fn properties() -> Vec<Property> {
        let statuses = InvitationStatus::ALL.map(InvitationStatus::as_str);
        let expiry = "Until when it can be answered: at most ninety days from now, as long as the environment says (seven days) unless told otherwise.";
        let roles = "The roles that are held after acceptance.";
        let locale =
            "The language of the mail, where nobody knows which one the invited person chose. English without it.";
        vec![
            Property::new("email", "Whom it is for.", email(), "john@example.com").required(),
            Property::new("role_ids", roles, set(id(), MAX_ROLES), json!([examples::id("role")])).optional(),
            Property::new("status", "Where it stands.", word(&statuses), "pending"),
            Property::new("expires_at", expiry, moment(), "2026-11-29T10:00:00.000000Z").optional(),
            Property::created_at(),
            Property::updated_at(),
            Property::new("locale", locale, word(&Language::ALL.map(Language::tag)), "nl").optional().never_shown(),
        ]
    }

    fn relations() -> Vec<Relation> {
        vec![
            Relation::to_one("organization", "organization", "Where it leads to.").required(),
            Relation::to_one("inviter", "user", "Who made it."),
        ]
    }
}
