//! People and their sessions.

use paylent_domain::{
    session::{MAX_USER_AGENT, Session},
    user::{MAX_NAME, User},
};
use serde_json::Value;

use crate::openapi::property::{
    Documented, EXAMPLE_MOMENT, Property, Relation, email, flag, formatted, ip_address, line, moment, optional_line,
    text, word,
};

/// What a password may be (`paylent_domain::user::check_password`). The least number of characters is a setting; this is
/// its default.
const PASSWORD_LENGTH: (usize, usize) = (8, 128);

impl Documented for User {
    const ABOUT: &'static str = "People, and the service users that machine clients act for.";

    fn properties() -> Vec<Property> {
        let password = || {
            let pattern = r"^[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]*$";
            let (least, most) = PASSWORD_LENGTH;
            formatted("password").min_length(Some(least)).max_length(Some(most)).pattern(Some(pattern))
        };
        vec![
            Property::new(
                "email",
                "The address it signs in with. Service users have none.",
                email(),
                "jane@example.com",
            )
            .required()
            .changeable()
            .null_if_unknown(),
            Property::new("first_name", "Given name; what a service user is called.", line(MAX_NAME), "Jane")
                .optional()
                .changeable()
                .nullable(),
            Property::new("last_name", "Family name.", line(MAX_NAME), "Doe").optional().changeable().nullable(),
            Property::new("kind", "Whether it can sign in.", word(&["person", "service"]), "person"),
            Property::new("email_verified", "Whether the address was proved to be this person's.", flag(), false),
            Property::new("active", "Whether it may act at all.", flag(), true).changeable(),
            Property::created_at(),
            Property::updated_at(),
            Property::new(
                "password",
                "The password. The server and the environment can ask for more characters. Common passwords and the person's names are refused. A new user needs it, or `password_hash`.",
                password(),
                "correct horse battery staple",
            )
            .optional()
            .changeable()
            .never_shown(),
            Property::new(
                "password_hash",
                "In the place of `password`: its hash by bcrypt, PBKDF2, scrypt or Argon2 as another system kept it. It is replaced by one of ours when the person signs in.",
                text().max_length(Some(512)),
                "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW",
            )
            .optional()
            .changeable()
            .never_shown()
            .instead(),
            Property::new(
                "password_confirmation",
                "The same as `password`, if it is given.",
                password(),
                "correct horse battery staple",
            )
            .optional()
            .changeable()
            .never_shown(),
        ]
    }

    fn relations() -> Vec<Relation> {
        vec![Relation::to_many("roles", "role", "The roles it holds in the whole environment.")]
    }
}

impl Documented for Session {
    const ABOUT: &'static str = "That a person is signed in at one browser.";
    const VERBS: &'static [(&'static str, &'static str)] = &[
        ("touch", "Notes that the session was used at this moment."),
        ("revoke", "Ends the session. Ending it again changes nothing."),
    ];

    fn properties() -> Vec<Property> {
        vec![
            Property::new("ip_address", "The browser's address.", ip_address(), "203.0.113.5")
                .optional()
                .null_if_unknown(),
            Property::new(
                "user_agent",
                "The browser's `User-Agent`.",
                optional_line(MAX_USER_AGENT),
                "Mozilla/5.0 (X11; Linux x86_64)",
            )
            .optional()
            .null_if_unknown(),
            Property::new("last_activity_at", "When it was last used.", moment(), EXAMPLE_MOMENT),
            Property::new("expires_at", "When it ends at the latest.", moment(), "2026-12-22T10:00:00.000000Z"),
            Property::new("revoked_at", "When it was ended before that.", moment(), Value::Null).null_if_unknown(),
            Property::created_at(),
            Property::updated_at(),
        ]
    }

    fn relations() -> Vec<Relation> {
        vec![Relation::to_one("user", "user", "Who is signed in.").required()]
    }

    fn meta() -> Vec<Property> {
        let token = "pay_se_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
        let description = "The session's token. It is told this once.";
        vec![Property::new("token", description, formatted("password"), token)]
    }
}
