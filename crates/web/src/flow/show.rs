//! Writes out what the browser does next.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue, LOCATION, RETRY_AFTER},
    },
};
use paylent_oauth::{ChooseOrganization, Consent, LoginReason, ResponseMode, Return, SelectAccount, Step};

use super::{Visit, aim::Aim, fault::Failure, password, register};
use crate::{
    csrf::Purpose,
    pages::{
        self, AskedScope, ChooseAccount, Destination, Fault, Form, FormPost, Href, Name, Page, Party, SignIn,
        SignInProblem, headers, render,
    },
};

/// A page with its headers.
pub(super) fn page(status: u16, page: &impl Page) -> HttpResponse {
    let Ok(html) = render(page) else { return HttpResponse::InternalServerError().finish() };
    let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for header in html.headers() {
        response.insert_header(header);
    }
    if status == 503 {
        response.insert_header((RETRY_AFTER, "2"));
    }
    response.body(html.body)
}

/// A redirect that becomes a GET.
pub(super) fn redirect(url: &str) -> HttpResponse {
    let mut response = HttpResponse::SeeOther().finish();
    let own =
        headers::COMMON.into_iter().map(|(name, value)| (HeaderName::try_from(name), HeaderValue::from_static(value)));
    for (name, value) in own {
        if let Ok(name) = name {
            response.headers_mut().insert(name, value);
        }
    }
    match HeaderValue::from_str(url) {
        Ok(url) => {
            response.headers_mut().insert(LOCATION, url);
            response
        }
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

impl Visit {
    /// The answer to a request of the flow.
    pub(super) fn answer(&self, outcome: Result<HttpResponse, Failure>) -> HttpResponse {
        match outcome {
            Ok(response) => self.leave(response),
            Err(failure) => self.fault(failure),
        }
    }

    /// What a step looks like.
    pub(super) async fn show(&self, step: Step) -> Result<HttpResponse, Failure> {
        match step {
            Step::Login(login) => {
                let known = self.session.as_ref().filter(|_| login.reason == LoginReason::Again);
                let known = known.map(|session| session.email.as_str());
                let email = login.hint.as_deref().or(known).unwrap_or_default().to_owned();
                Ok(self.sign_in_page(200, &Aim::Request(login), &email, None))
            }
            Step::SelectAccount(select) => self.account_page(&select),
            Step::ChooseOrganization(choose) => Ok(self.organization_page(&choose)),
            Step::Consent(consent) => self.consent_page(&consent).await,
            Step::Return(answer) => self.hand_over(&answer),
        }
    }

    /// The sign-in page.
    pub(super) fn sign_in_page(
        &self,
        status: u16,
        aim: &Aim,
        email: &str,
        problem: Option<SignInProblem>,
    ) -> HttpResponse {
        let csrf = self.csrf(Purpose::SignIn);
        let (login, path) = match aim {
            Aim::Request(login) => (Some(login), None),
            Aim::Page(path) => (None, Some(path.as_str())),
        };
        let form = self.form("/login", &csrf, "");
        let register = register::link(self, login.map(|login| login.handle.as_str()));
        let register = Href::parse(&register).filter(|_| self.env.tenant().environment.registration_enabled);
        let forgot = password::link(self, login.map(|login| login.handle.as_str()));
        let sign_in = SignIn {
            frame: self.frame(),
            form: Form { handle: login.map(|login| login.handle.as_str()), ..form },
            return_to: path,
            client: login.map(|login| Name(&login.client.name)),
            email,
            again: login.is_some_and(|login| login.reason == LoginReason::Again),
            problem,
            forgot_password: Href::parse(&forgot),
            register,
        };
        page(status, &sign_in)
    }

    fn account_page(&self, select: &SelectAccount) -> Result<HttpResponse, Failure> {
        let (csrf, other) = (self.csrf(Purpose::ChooseAccount), self.another(&select.handle));
        let choose = ChooseAccount {
            frame: self.frame(),
            form: self.form("/login/account", &csrf, &select.handle),
            client: Some(Name(&select.client.name)),
            account: self.account().ok_or_else(gone)?,
            use_another: Href::parse(&other),
        };
        Ok(page(200, &choose))
    }

    fn organization_page(&self, choose: &ChooseOrganization) -> HttpResponse {
        let csrf = self.csrf(Purpose::ChooseOrganization);
        let organizations: Vec<(String, Name<'_>)> =
            choose.organizations.iter().map(|one| (one.id.to_string(), Name(&one.name))).collect();
        let question = pages::ChooseOrganization {
            frame: self.frame(),
            form: self.form("/organization", &csrf, &choose.handle),
            client: Name(&choose.client.name),
            organizations: &organizations,
            optional: choose.optional,
        };
        page(200, &question)
    }

    async fn consent_page(&self, consent: &Consent) -> Result<HttpResponse, Failure> {
        let (csrf, other) = (self.csrf(Purpose::Consent), self.another(&consent.handle));
        let scopes: Vec<AskedScope<'_>> = consent
            .scopes
            .iter()
            .map(|scope| AskedScope {
                name: &scope.name,
                description: scope.description.as_deref(),
                optional: scope.optional,
                new: scope.new,
            })
            .collect();
        let is_api = consent.audience != self.env.tenant().base_url;
        let organization = match consent.organization_id {
            Some(id) => Some(self.env.organization(id).await?.ok_or_else(gone)?.name),
            None => None,
        };
        let connections = consent.organization_id.map(|id| format!("/organizations/{id}/connections"));
        let connections = connections.unwrap_or_else(|| "/account/applications".to_owned());
        let is_owned = consent.client.organization.is_some();
        let question = pages::Consent {
            frame: self.frame(),
            form: self.form("/consent", &csrf, &consent.handle),
            client: Name(&consent.client.name),
            publisher: consent.client.organization.as_deref().map(Name),
            party: party(organization.as_deref().map(Name), is_owned, consent.for_organization),
            account: self.account().ok_or_else(gone)?,
            use_another: Href::parse(&other),
            resource: is_api.then_some(Name(&consent.audience)),
            scopes: &scopes,
            redirect_host: &consent.client.redirect_host,
            connections: Href::parse(&connections).filter(|_| is_owned),
        };
        Ok(page(200, &question))
    }

    /// Sends the browser back to the client.
    fn hand_over(&self, answer: &Return) -> Result<HttpResponse, Failure> {
        if let Some(cause) = answer.error.as_ref().and_then(|error| error.cause.as_ref()) {
            tracing::error!(%cause, "an authorization request failed");
        }
        if answer.mode == ResponseMode::Query {
            return Ok(redirect(&answer.url()));
        }
        let parameters: Vec<(&str, &str)> =
            answer.parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let refused = || Failure::Page(Fault::RedirectUri, "A form cannot be posted to this address.".to_owned());
        let form = FormPost {
            frame: self.frame(),
            client: Name(answer.host()),
            destination: Destination::parse(&answer.redirect_uri).ok_or_else(refused)?,
            parameters: &parameters,
        };
        Ok(page(200, &form))
    }
}

/// For whom somebody who acts for this organization decides.
fn party(organization: Option<Name<'_>>, is_owned: bool, for_organization: bool) -> Option<Party<'_>> {
    match (organization, is_owned) {
        (Some(organization), true) if for_organization => Some(Party::Everyone(organization)),
        (Some(organization), true) => Some(Party::Member(organization)),
        (Some(organization), false) => Some(Party::ActsFor(organization)),
        (None, true) => Some(Party::Person),
        (None, false) => None,
    }
}

/// The session that a page is about is not there.
fn gone() -> Failure {
    Failure::Page(Fault::Expired, "Nobody is signed in any more.".to_owned())
}
