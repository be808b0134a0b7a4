//! What a signed-in person does with the own account: the units of work behind the account pages. Each is for rows of
//! this person only; those of others are unknown here.

mod applications;
mod email;
mod organizations;
mod password;
mod person;
mod sessions;

pub use applications::{ConnectedApplication, ConnectedScope};
pub use email::{NewEmailChange, ProvenEmail};
pub use organizations::{OwnInvitation, OwnMembership};
pub use person::{Person, Profile};

pub(crate) use email::forget_links;
