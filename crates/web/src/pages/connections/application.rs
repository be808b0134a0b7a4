//! Making, changing and deleting an application.

use askama::Template;
use paylent_domain::application::{ApplicationGrant, SecretOverlap};

use super::{Place, Problem, Settings, Wrong, about, grant};
use crate::pages::{
    Form, Frame,
    account::{Moment, stays_here},
    name::fill,
};

/// Makes an application: the fields of [`Settings`], and `made`, by which the form makes one application only.
#[derive(Debug, Template)]
#[template(path = "connections/new.html")]
pub struct NewApplicationPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What surrounds these pages.
    pub place: Place<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// Tells this form from every other one.
    pub made: &'a str,
    /// The settings.
    pub settings: Settings<'a>,
    /// What is wrong.
    pub problems: &'a [Problem],
}

/// Shows and changes an application: the fields of [`Settings`] and `version`. `action` may also be `rotate`, with
/// `overlap`, and `revoke`, with the id of a `token`.
#[derive(Debug, Template)]
#[template(path = "connections/application.html")]
pub struct ApplicationPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What surrounds these pages.
    pub place: Place<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// The version that it is about.
    pub version: &'a str,
    /// What the application is called.
    pub name: &'a str,
    /// Its public identifier.
    pub client_id: &'a str,
    /// How it gets tokens.
    pub grant: ApplicationGrant,
    /// What its API is called.
    pub resource_server: &'a str,
    /// When it was made.
    pub created: Moment,
    /// When it last changed.
    pub changed: Moment,
    /// A link that starts a connection, or a line that gets a token.
    pub example: &'a str,
    /// The settings.
    pub settings: Settings<'a>,
    /// Its static tokens.
    pub tokens: &'a [Token],
    /// Where the rest of them is, if there is more.
    pub more_tokens: Option<&'a str>,
    /// Where it is deleted.
    pub deletion: &'a str,
    /// What is wrong.
    pub problems: &'a [Problem],
}

/// A static token.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its id.
    pub id: String,
    /// How it begins.
    pub prefix: String,
    /// When it was issued.
    pub created: Moment,
    /// When it was last used.
    pub last_used: Option<Moment>,
    /// From where that was.
    pub last_ip: Option<String>,
}

impl ApplicationPage<'_> {
    /// Value and label of each time for which the old secret works on.
    fn overlaps(&self) -> [(&'static str, &'static str); 4] {
        let w = self.frame.connections();
        SecretOverlap::ALL.map(|overlap| {
            let label = match overlap {
                SecretOverlap::None => w.overlap_none,
                SecretOverlap::Hour => w.overlap_hour,
                SecretOverlap::Day => w.overlap_day,
                SecretOverlap::Week => w.overlap_week,
            };
            (overlap.as_str(), label)
        })
    }

    fn is_static(&self) -> bool {
        self.grant == ApplicationGrant::ClientCredentials
    }
}

/// Asks whether an application shall be deleted.
#[derive(Debug, Template)]
#[template(path = "connections/delete.html")]
pub struct DeletionPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What surrounds these pages.
    pub place: Place<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// The version that it is about.
    pub version: &'a str,
    /// What the application is called.
    pub name: &'a str,
    /// How many connections end with it.
    pub connections: i64,
    /// How many static tokens end with it.
    pub tokens: i64,
    /// Where it is kept.
    pub back: &'a str,
    /// What is wrong.
    pub problems: &'a [Problem],
}

impl DeletionPage<'_> {
    fn is_misnamed(&self) -> bool {
        self.problems.iter().any(|problem| problem.wrong == Wrong::OtherName)
    }
}

stays_here!(NewApplicationPage, ApplicationPage, DeletionPage);
