//! The choice of an organization to act for.

use askama::Template;

use super::{
    Form, Frame, Name, Page, Policy,
    name::fill,
    texts::organizations::{Organizations, organizations},
};

/// Asks for which organization to go on: each is a button that posts its id as `organization`, an empty one for oneself.
#[derive(Debug, Template)]
#[template(path = "choose_organization.html")]
pub struct ChooseOrganization<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Where the choice is posted to.
    pub form: Form<'a>,
    /// The application one continues to.
    pub client: Name<'a>,
    /// Ids and names.
    pub organizations: &'a [(String, Name<'a>)],
    /// Whether one may go on as oneself.
    pub optional: bool,
}

impl ChooseOrganization<'_> {
    const fn words(&self) -> &'static Organizations {
        organizations(self.frame.language)
    }
}

impl Page for ChooseOrganization<'_> {
    const POLICY: Policy = Policy::MayLeave;

    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{render, samples},
        *,
    };

    #[test]
    fn each_organization_is_a_button_and_oneself_only_where_allowed() {
        let html = render(&samples::choose_organization()).unwrap().body;
        assert_eq!(html.matches(r#"name="organization""#).count(), 3);
        assert!(html.contains(r#"name="organization" value="0192f0c1-0000-7000-8000-000000000001""#));
        assert!(html.contains(r#"name="organization" value="""#) && html.contains("Continue as yourself"));
        let html = render(&ChooseOrganization { optional: false, ..samples::choose_organization() }).unwrap().body;
        assert!(!html.contains("Continue as yourself"));
        assert_eq!(html.matches(r#"name="organization""#).count(), 2);
    }
}
