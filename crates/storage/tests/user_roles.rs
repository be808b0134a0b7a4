//! user_roles
