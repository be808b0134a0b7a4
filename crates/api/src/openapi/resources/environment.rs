//! The settings of the environment.

use paylent_domain::environment::{
    CODE_TTL, EnvironmentSettings, INVITATION_TTL, MAX_NAME, PASSWORD_MIN_LENGTH, REFRESH_ABSOLUTE_TTL, REFRESH_GRACE,
    SESSION_TTL,
};
use serde_json::json;

use crate::openapi::property::{Documented, Property, flag, integer, line, text};

impl Documented for EnvironmentSettings {
    const ABOUT: &'static str = "What the people who run the environment decide about it.";

    fn properties() -> Vec<Property> {
        let seconds = |range: &std::ops::RangeInclusive<i64>| {
            let bound = |value: &i64| i32::try_from(*value).unwrap_or(i32::MAX);
            integer(bound(range.start()), Some(bound(range.end())))
        };
        let length = integer(*PASSWORD_MIN_LENGTH.start(), Some(*PASSWORD_MIN_LENGTH.end()));
        let idle = "After how many seconds without any activity a session ends.";
        let asked = "For how many seconds an invitation can be answered if its maker does not say.";
        let repeated =
            "For how many seconds a client that lost the answer to a refresh may ask for it again; 0 is never.";
        let renewed = "For how many seconds in all refresh tokens are renewed, however often they are used; \
                       without limit if null.";
        vec![
            Property::new("handle", "The name in its host.", text(), "acme-production"),
            Property::new("name", "What people call it; its handle if null.", line(MAX_NAME), "Acme")
                .nullable()
                .changeable(),
            Property::new("registration_enabled", "Whether people may register themselves.", flag(), json!(true))
                .changeable(),
            Property::new("session_ttl", "How many seconds a session lasts.", seconds(&SESSION_TTL), 2_592_000)
                .changeable(),
            Property::new("session_idle_ttl", idle, seconds(&SESSION_TTL), 1_209_600).changeable(),
            Property::new("invitation_ttl", asked, seconds(&INVITATION_TTL), 604_800).changeable(),
            Property::new("password_min_length", "The fewest characters of a new password.", length, 8).changeable(),
            Property::new("code_ttl", "How many seconds an authorization code lives.", seconds(&CODE_TTL), 60)
                .changeable(),
            Property::new("refresh_grace", repeated, seconds(&REFRESH_GRACE), 10).changeable(),
            Property::new("refresh_absolute_ttl", renewed, seconds(&REFRESH_ABSOLUTE_TTL), 31_536_000)
                .nullable()
                .changeable(),
            Property::created_at(),
            Property::updated_at(),
        ]
    }
}
