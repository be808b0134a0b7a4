//! The order of things: login, choice of account, choice of organization, consent, code.

use paylent_crypto::secret::{self, Secret, SecretHash, SecretKind};
use paylent_domain::{
    Id, Timestamp, application::COMPANY_ADMIN, client::OrganizationUsage, organization::Organization, scope::Scopes,
};

use super::{
    Arrival, AuthorizeError, Browser, ChooseOrganization, ClientDisplay, Consent, Decision, Login, LoginReason,
    PURPOSE, PageError, Pending, SelectAccount, SignedIn, Step,
    ask::Ask,
    consent::{self, Remembered},
    organization::{ActingFor, Chosen},
    redirect,
};
use crate::{
    Engine,
    error::{Error, ErrorCode},
    store::{AuthorizationCode, Belonging, Store},
};

/// A request on its way.
pub(super) struct Flow<'a> {
    pub(super) pending: Pending,
    pub(super) ask: Ask,
    pub(super) redirect_uri: String,
    pub(super) browser: &'a Browser,
}

/// Where it gets to.
pub(super) enum Next {
    Page(Step),
    Code(Secret),
}

/// Who grants, and as whose member.
pub(super) struct Granting<'a> {
    pub(super) session: &'a SignedIn,
    pub(super) organization: Option<Id<Organization>>,
    /// Whether they connect an application for all of that organization.
    pub(super) for_organization: bool,
}

/// What must happen before anything can be granted.
enum Before {
    Login(LoginReason),
    SelectAccount(SignedIn),
}

const REFUSED: Error = Error::new(ErrorCode::AccessDenied, "The person refused.");
const LOGIN_REQUIRED: Error = Error::new(ErrorCode::LoginRequired, "The person has to sign in first.");
const CONSENT_REQUIRED: Error = Error::new(ErrorCode::ConsentRequired, "The person has to consent first.");

impl<S: Store> Engine<S> {
    pub(super) async fn next(&self, mut flow: Flow<'_>, arrival: Arrival) -> Result<Next, AuthorizeError> {
        match arrival {
            Arrival::Decided(Decision::Deny) => return Err(REFUSED.into()),
            Arrival::AccountChosen => flow.pending.account_chosen = true,
            _ => {}
        }
        let session = match flow.identify(self.clock.now())? {
            Ok(session) => session,
            Err(_) if flow.ask.prompt.none => return Err(LOGIN_REQUIRED.into()),
            Err(before) => return Ok(Next::Page(self.detour(flow, before)?)),
        };
        if let Arrival::OrganizationChosen(organization) = &arrival {
            flow.pending.organization = Some(Chosen::by(&session, organization.clone()));
        }
        let organization = match self.acting_for(&flow, &session).await? {
            ActingFor::Organization(organization) => organization,
            ActingFor::Undecided(theirs) => return Ok(Next::Page(self.organization_page(flow, &session, theirs)?)),
        };
        let for_organization = self.connects_for_all(&flow.ask, &session, organization).await?;
        let granting = Granting { session: &session, organization, for_organization };
        let remembered = self.remembered(&flow.ask, &granting).await?;
        let was_asked_this = flow.pending.consent_of.as_deref() == Some(&granting.in_words());
        match arrival {
            Arrival::Decided(Decision::Approve(ticked)) if was_asked_this => {
                let granted = consent::granted(&flow.ask, &ticked)?;
                let asked = consent::to_remember(&flow.ask);
                self.save_code(flow, granting, granted, asked).await
            }
            _ if !consent::is_needed(&flow.ask, &remembered) => {
                let granted = flow.ask.scopes.clone();
                self.save_code(flow, granting, granted, None).await
            }
            _ if flow.ask.prompt.none => Err(CONSENT_REQUIRED.into()),
            _ => Ok(Next::Page(self.consent_page(flow, &granting, &remembered)?)),
        }
    }

    fn detour(&self, flow: Flow<'_>, before: Before) -> Result<Step, Error> {
        let (handle, client) = (self.seal_handle(PURPOSE, &flow.pending)?, flow.display());
        Ok(match before {
            Before::Login(reason) => Step::Login(Login { handle, client, hint: flow.ask.login_hint, reason }),
            Before::SelectAccount(session) => {
                Step::SelectAccount(SelectAccount { handle, client, user_id: session.user_id })
            }
        })
    }

    fn organization_page(
        &self,
        flow: Flow<'_>,
        session: &SignedIn,
        organizations: Vec<Belonging>,
    ) -> Result<Step, Error> {
        Ok(Step::ChooseOrganization(ChooseOrganization {
            handle: self.seal_handle(PURPOSE, &flow.pending)?,
            client: flow.display(),
            user_id: session.user_id,
            organizations,
            optional: flow.ask.application.organization_usage == OrganizationUsage::Optional,
        }))
    }

    /// Whether who grants connects an application for all of the organization they act for: its company-wide admins do.
    async fn connects_for_all(
        &self,
        ask: &Ask,
        session: &SignedIn,
        organization: Option<Id<Organization>>,
    ) -> Result<bool, Error> {
        match organization.filter(|_| ask.application.client.ownership.is_some()) {
            Some(organization) => {
                let member = self.store.member(session.user_id, organization).await?;
                Ok(member.is_some_and(|member| member.permissions.iter().any(|name| name == COMPANY_ADMIN)))
            }
            None => Ok(false),
        }
    }

    fn consent_page(
        &self,
        mut flow: Flow<'_>,
        granting: &Granting<'_>,
        remembered: &Remembered,
    ) -> Result<Step, Error> {
        let session = granting.session;
        flow.pending.consent_of = Some(granting.in_words());
        Ok(Step::Consent(Consent {
            handle: self.seal_handle(PURPOSE, &flow.pending)?,
            client: flow.display(),
            user_id: session.user_id,
            scopes: consent::asked(&flow.ask, remembered),
            organization_id: granting.organization,
            for_organization: granting.for_organization,
            audience: flow.ask.audience,
        }))
    }

    async fn save_code(
        &self,
        flow: Flow<'_>,
        Granting { session, organization, for_organization }: Granting<'_>,
        scopes: Scopes,
        asked: Option<Scopes>,
    ) -> Result<Next, AuthorizeError> {
        let (now, ask) = (self.clock.now(), flow.ask);
        let code = secret::generate(SecretKind::AuthorizationCode).map_err(Error::from)?;
        let stored = AuthorizationCode {
            hash: SecretHash::of(code.expose()),
            request_id: flow.pending.id,
            client_id: ask.application.client.client_id,
            user_id: session.user_id,
            session_id: session.session_id,
            redirect_uri: flow.redirect_uri,
            redirect_uri_sent: ask.redirect_uri_sent,
            audience: ask.audience,
            scopes,
            nonce: ask.nonce,
            code_challenge: ask.code_challenge,
            auth_time: session.auth_time,
            amr: session.amr.clone(),
            id_token_claims: ask.id_token_claims,
            organization_id: organization,
            for_organization,
            issued_at: now,
            expires_at: now.plus_seconds(self.config.code_ttl),
            client_generation: ask.application.client.generation,
            user_generation: session.user_generation,
        };
        match self.store.save_code(stored, asked).await.map_err(Error::from)? {
            true => Ok(Next::Code(code)),
            false => Err(PageError::AlreadyDecided.into()),
        }
    }
}

impl Granting<'_> {
    /// Who is asked, and for whom: what a consent page was shown for.
    fn in_words(&self) -> String {
        let organization = self.organization.map(|id| id.to_string()).unwrap_or_default();
        format!("{} {organization} {}", self.session.user_id, self.for_organization)
    }
}

impl Flow<'_> {
    /// The session to go on with, or what must happen before.
    fn identify(&self, now: Timestamp) -> Result<Result<SignedIn, Before>, Error> {
        let Some(session) = &self.browser.session else { return Ok(Err(Before::Login(LoginReason::NotSignedIn))) };
        let is_another = self.ask.subject.as_ref().is_some_and(|subject| *subject != session.user_id.to_string());
        // Whoever signed in for this request has done all that could be asked of them.
        if session.auth_time >= Timestamp::from_micros(self.pending.begun) {
            return if is_another { Err(LOGIN_REQUIRED) } else { Ok(Ok(session.clone())) };
        }
        let too_old = |seconds| session.auth_time.plus_seconds(seconds) <= now;
        Ok(if self.ask.prompt.login || self.ask.max_age.is_some_and(too_old) {
            Err(Before::Login(LoginReason::Again))
        } else if is_another {
            Err(Before::Login(LoginReason::OtherAccount))
        } else if self.ask.prompt.select_account && !self.pending.account_chosen {
            Err(Before::SelectAccount(session.clone()))
        } else {
            Ok(session.clone())
        })
    }

    fn display(&self) -> ClientDisplay {
        let application = &self.ask.application;
        ClientDisplay {
            name: application.name.clone(),
            redirect_host: redirect::host(&self.redirect_uri).to_owned(),
            first_party: application.first_party,
            organization: application.organization.clone(),
        }
    }
}
