//! Roles, permissions, and who holds them.

use paylent_domain::{
    permission::{self, Permission, RolePermission},
    role::{self, Role, UserRole},
};

use crate::openapi::property::{Documented, Property, Relation, flag, integer, line, optional_line, text};

/// The description that a role, a permission or a scope has.
pub(super) fn described(max: usize, example: &'static str) -> Property {
    Property::new("description", "What it is for, in words.", optional_line(max), example)
        .optional()
        .changeable()
        .nullable()
}

/// Whether a row came with the environment.
pub(super) fn system() -> Property {
    Property::new("system", "Whether it came with the environment and cannot be changed.", flag(), false)
}

impl Documented for Role {
    const ABOUT: &'static str = "Named groups of permissions.";

    fn properties() -> Vec<Property> {
        let users = "How many users hold it. Only shown at the role's own address.";
        let permissions = "How many permissions it holds. Only shown at the role's own address.";
        vec![
            Property::new("name", "Its name, unique in the environment.", line(role::MAX_NAME), "editor")
                .required()
                .changeable(),
            described(role::MAX_DESCRIPTION, "May edit documents."),
            system(),
            Property::created_at(),
            Property::updated_at(),
            Property::new("user_count", users, integer(0, None), 3),
            Property::new("permission_count", permissions, integer(0, None), 2),
        ]
    }

    fn relations() -> Vec<Relation> {
        vec![
            Relation::to_many("permissions", "permission", "What it allows."),
            Relation::to_many("users", "user", "Who holds it in the whole environment."),
        ]
    }
}

impl Documented for Permission {
    const ABOUT: &'static str = "What users can be allowed to do.";

    fn properties() -> Vec<Property> {
        let name = text().max_length(Some(100)).pattern(Some("^[a-z0-9_-]+:[a-z0-9_-]+$"));
        vec![
            Property::new("name", "Its name, unique in the environment and fixed.", name, "documents:update")
                .required(),
            described(permission::MAX_DESCRIPTION, "May change documents."),
            system(),
            Property::created_at(),
            Property::updated_at(),
        ]
    }

    fn relations() -> Vec<Relation> {
        vec![Relation::to_many("roles", "role", "The roles that hold it.")]
    }
}

impl Documented for RolePermission {
    const ABOUT: &'static str = "That a role holds a permission.";

    fn properties() -> Vec<Property> {
        vec![Property::created_at()]
    }

    fn relations() -> Vec<Relation> {
        vec![
            Relation::to_one("role", "role", "Which role.").required(),
            Relation::to_one("permission", "permission", "What it holds.").required(),
        ]
    }
}

impl Documented for UserRole {
    const ABOUT: &'static str = "That a user holds a role in the whole environment.";

    fn properties() -> Vec<Property> {
        vec![Property::created_at()]
    }

    fn relations() -> Vec<Relation> {
        vec![
            Relation::to_one("user", "user", "Who holds it.").required(),
            Relation::to_one("role", "role", "What is held.").required(),
        ]
    }
}
