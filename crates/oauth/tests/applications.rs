//! Applications of organizations: what they may ask for, what their tokens are worth from one moment to the next, and by
//! whose connection (decisions 18 and 24).

use paylent_domain::{
    Clock as _, Id, Timestamp,
    allow_list::AllowListMode,
    application::{ACCESS_TOKEN_TTL, COMPANY_ADMIN},
    client::OrganizationUsage,
    organization::Organization,
};
use paylent_oauth::{
    Consent, Decision,
    ErrorCode::{InvalidClient, InvalidGrant, InvalidRequest, InvalidScope, InvalidTarget, TemporarilyUnavailable},
    Step, Store, TokenResponse,
    crypto::secret::{SecretHash, SecretKind, generate, random_bytes},
    store::{Belonging, Consenting, Member, Ownership, PreviousSecret},
};

use crate::common::{
    API, Environment, HERE, OTHER_API, Registered, SCOPES, assert_refused,
    faulty::{Fault, Faulty},
    grant, opaque,
    people::{App, Person, assert_told, parameter, returned, scopes},
};

const READ: &str = "documents:read";
const WRITE: &str = "documents:write";

fn organization() -> Id<Organization> {
    Id::new(Timestamp::from_seconds(1), random_bytes().unwrap())
}

fn ownership(permissions: &str) -> Ownership {
    Ownership {
        organization_id: organization(),
        permissions: scopes(permissions),
        allow_list: "".parse().unwrap(),
        allow_list_mode: AllowListMode::Enforce,
    }
}

/// An application that people of any organization connect.
fn application(environment: &Environment, permissions: &str) -> App {
    environment.app(|application| {
        application.organization = Some("Bakery".to_owned());
        application.organization_usage = OrganizationUsage::Optional;
        application.client.access_token_ttl = Some(ACCESS_TOKEN_TTL);
        application.client.ownership = Some(ownership(permissions));
    })
}

fn permit(environment: &Environment, app: &mut App, permissions: &str) {
    environment.change_app(app, |application| {
        application.client.ownership.as_mut().unwrap().permissions = scopes(permissions);
    });
}

/// Makes the person a member who holds this there.
fn hold(environment: &Environment, person: &Person, organization_id: Id<Organization>, permission: &str) {
    let (roles, permissions) = (vec!["clerk".to_owned()], vec![permission.to_owned()]);
    let belonging = Belonging { id: organization_id, name: "Works".to_owned(), slug: None };
    let member = Member { organization_id, roles, permissions };
    environment.store.put_member(person.subject.id, belonging, member);
}

/// A new member of this organization.
fn member(environment: &Environment, organization: Id<Organization>) -> Person {
    let person = environment.person();
    hold(environment, &person, organization, "invoices:read");
    person
}

/// A new company-wide admin of this organization.
fn admin(environment: &Environment, organization: Id<Organization>) -> Person {
    let person = environment.person();
    hold(environment, &person, organization, COMPANY_ADMIN);
    person
}

#[track_caller]
fn asked(step: Step) -> Consent {
    match step {
        Step::Consent(consent) => consent,
        step => panic!("nobody is asked: {step:?}"),
    }
}

/// The scopes on the page, and whether each is new.
fn shown(consent: &Consent) -> Vec<(&str, bool)> {
    consent.scopes.iter().map(|scope| (scope.name.as_str(), scope.new)).collect()
}

/// What a token may be used for at this moment; nothing once it is dead.
async fn worth(environment: &Environment, tokens: &TokenResponse) -> Option<String> {
    let live = environment.presented(tokens.access_token.expose()).await?;
    Some(live.scopes.to_string())
}

async fn refreshed(environment: &Environment, app: &App, tokens: &TokenResponse) -> TokenResponse {
    environment.refresh(app, tokens.refresh_token.as_ref().unwrap().expose(), &[]).await.unwrap()
}

/// The machine of an organization, bound to the address that all requests come from.
fn machine(environment: &Environment) -> Registered {
    environment.client(|machine| {
        opaque(machine);
        machine.grants = vec![grant(API, SCOPES, Some(READ))];
        let allow_list = HERE.ip.to_string().parse().unwrap();
        machine.client.ownership = Some(Ownership { allow_list, ..ownership(READ) });
    })
}

#[tokio::test]
async fn without_a_scope_an_application_asks_for_all_its_permissions() {
    let environment = Environment::interactive();
    let mut app = application(&environment, SCOPES);
    let person = environment.person();
    let page = asked(environment.authorize(&person.browser, &app.request(&[("scope", "")])).await.unwrap());
    assert_eq!(shown(&page), [(READ, true), (WRITE, true)]);
    assert_eq!((page.audience.as_str(), page.organization_id, page.for_organization), (API, None, false));
    assert_eq!(page.client.organization.as_deref(), Some("Bakery"));
    let tokens = environment.tokens(&app, &person, &[("scope", "")]).await;
    assert_eq!((tokens.scope.as_deref(), tokens.expires_in), (Some(SCOPES), Some(ACCESS_TOKEN_TTL)));
    permit(&environment, &mut app, READ);
    let other = environment.person();
    let page = asked(environment.authorize(&other.browser, &app.request(&[("scope", "")])).await.unwrap());
    assert_eq!(shown(&page), [(READ, true)]);
}

#[tokio::test]
async fn an_application_is_for_one_api_and_asks_for_no_more_than_it_may() {
    let environment = Environment::interactive();
    let mut app = application(&environment, READ);
    let person = environment.person();
    let ask = async |changes: &[(&str, &str)]| {
        let changes: Vec<(&str, &str)> = changes.to_vec();
        environment.authorize(&person.browser, &app.request(&changes)).await
    };
    assert_told(ask(&[("resource", OTHER_API), ("scope", READ)]).await, InvalidTarget);
    assert_told(ask(&[("scope", WRITE)]).await, InvalidScope);
    assert_told(ask(&[("scope", "documents:read documents:shred")]).await, InvalidScope);
    let named = asked(ask(&[("resource", API), ("scope", "openid documents:read")]).await.unwrap());
    assert_eq!(shown(&named), [("openid", true), (READ, true)]);
    assert_told(ask(&[("state", "")]).await, InvalidRequest);
    // Whatever pages call its owner: that it has one is what counts.
    environment.change_app(&mut app, |application| application.organization = None);
    assert_told(environment.authorize(&person.browser, &app.request(&[("state", "")])).await, InvalidRequest);
}

#[tokio::test]
async fn a_permission_taken_from_an_application_bites_at_once() {
    let environment = Environment::interactive();
    let mut app = application(&environment, SCOPES);
    let person = environment.person();
    let tokens = environment.tokens(&app, &person, &[("scope", "")]).await;
    let code = environment.code(&app, &person, &[("scope", "")]).await;
    assert_eq!(worth(&environment, &tokens).await.as_deref(), Some(SCOPES));
    permit(&environment, &mut app, READ);
    assert_eq!(worth(&environment, &tokens).await.as_deref(), Some(READ), "the token that is out");
    assert_eq!(refreshed(&environment, &app, &tokens).await.scope.as_deref(), Some(READ), "its successor");
    let exchanged = environment.exchange(&app, &code, &[]).await.unwrap();
    assert_eq!(exchanged.scope.as_deref(), Some(READ), "the code that is out");
    permit(&environment, &mut app, "");
    assert_eq!(worth(&environment, &exchanged).await.as_deref(), Some(""), "alive, and good for nothing");
}

#[tokio::test]
async fn a_permission_given_to_an_application_is_asked_for_and_nothing_else_is() {
    let environment = Environment::interactive();
    let mut app = application(&environment, READ);
    let person = environment.person();
    let tokens = environment.tokens(&app, &person, &[("scope", "")]).await;
    permit(&environment, &mut app, SCOPES);
    assert_eq!(worth(&environment, &tokens).await.as_deref(), Some(READ));
    assert_eq!(refreshed(&environment, &app, &tokens).await.scope.as_deref(), Some(READ));
    let same = environment.authorize(&person.browser, &app.request(&[("scope", READ)])).await;
    assert!(parameter(&returned(same), "code").is_some(), "what was agreed to is not asked again");
    let page = asked(environment.authorize(&person.browser, &app.request(&[("scope", "")])).await.unwrap());
    assert_eq!(shown(&page), [(READ, false), (WRITE, true)]);
}

#[tokio::test]
async fn a_static_token_never_expires_and_is_never_refreshed() {
    let environment = Environment::new();
    let client = machine(&environment);
    let reply = environment.token(&client, &[]).await.unwrap();
    let token = reply.access_token.expose().to_owned();
    let json = serde_json::to_value(&reply).unwrap();
    assert_eq!(json, serde_json::json!({ "access_token": token, "token_type": "Bearer", "scope": READ }));
    environment.clock.advance_seconds(50 * 365 * 86_400);
    let live = environment.presented(&token).await.unwrap();
    assert_eq!((live.expires_at, live.scopes.to_string().as_str()), (None, READ));
    assert_refused(environment.token(&client, &[("scope", WRITE)]).await, InvalidScope);
    assert_refused(environment.token(&client, &[("resource", OTHER_API)]).await, InvalidTarget);
}

#[tokio::test]
async fn what_an_admin_connects_is_for_all_of_the_organization() {
    let environment = Environment::interactive();
    let app = application(&environment, SCOPES);
    let works = organization();
    let (admin, member) = (admin(&environment, works), member(&environment, works));
    let there = works.to_string();
    let request = [("scope", READ), ("organization", there.as_str())];
    let page = asked(environment.authorize(&member.browser, &app.request(&request)).await.unwrap());
    assert_eq!((page.organization_id, page.for_organization), (Some(works), false));
    let page = asked(environment.authorize(&admin.browser, &app.request(&request)).await.unwrap());
    assert_eq!((page.organization_id, page.for_organization), (Some(works), true));
    environment.tokens(&app, &admin, &request).await;
    let step = environment.authorize(&member.browser, &app.request(&request)).await;
    let code = parameter(&returned(step), "code").unwrap().to_owned();
    let tokens = environment.exchange(&app, &code, &[]).await.unwrap();
    assert_eq!(worth(&environment, &tokens).await.as_deref(), Some(READ), "the company agreed for its members");
    let alone = [("scope", READ), ("organization", "")];
    let step = environment.authorize(&member.browser, &app.request(&alone)).await.unwrap();
    let Step::ChooseOrganization(choose) = step else { panic!("nothing to choose: {step:?}") };
    let page = asked(environment.engine.choose_organization(&choose.handle, &member.browser, None).await.unwrap());
    assert_eq!((page.organization_id, shown(&page)), (None, vec![(READ, true)]), "for them alone it agreed to nothing");
}

#[tokio::test]
async fn what_a_member_connects_is_for_them_alone() {
    let environment = Environment::interactive();
    let app = application(&environment, SCOPES);
    let works = organization();
    let (jane, joe, admin) = (member(&environment, works), member(&environment, works), admin(&environment, works));
    let there = works.to_string();
    let request = [("scope", READ), ("organization", there.as_str())];
    environment.tokens(&app, &jane, &request).await;
    let again = environment.authorize(&jane.browser, &app.request(&request)).await;
    assert!(parameter(&returned(again), "code").is_some());
    for other in [&joe, &admin] {
        let page = asked(environment.authorize(&other.browser, &app.request(&request)).await.unwrap());
        assert_eq!(shown(&page), [(READ, true)]);
    }
}

/// Each connection is one consent: what the company has and what the member has are not thrown together.
#[tokio::test]
async fn what_two_connections_cover_together_is_agreed_to_once_more() {
    let environment = Environment::interactive();
    let app = application(&environment, SCOPES);
    let works = organization();
    let (admin, member) = (admin(&environment, works), member(&environment, works));
    let there = works.to_string();
    let asking = |scope| [("scope", scope), ("organization", there.as_str())];
    environment.tokens(&app, &admin, &asking(READ)).await;
    environment.tokens(&app, &member, &asking(WRITE)).await;
    let own = Consenting {
        user_id: member.subject.id,
        client_id: app.id(),
        audience: API,
        organization_id: Some(works),
        for_organization: false,
    };
    let agreed = environment.store.consent(own).await.unwrap();
    assert_eq!(agreed, Some(scopes(WRITE)), "a member agrees to nothing that they were not asked");
    let page = asked(environment.authorize(&member.browser, &app.request(&asking(SCOPES))).await.unwrap());
    assert_eq!(shown(&page), [(READ, false), (WRITE, false)]);
    let tokens = environment.tokens(&app, &member, &asking(SCOPES)).await;
    assert_eq!(worth(&environment, &tokens).await.as_deref(), Some(SCOPES));
}

/// A page tells people for whom they agree. An answer to another question is none.
#[tokio::test]
async fn az_midflight_role_a_page_that_was_shown_to_another_role_is_shown_anew() {
    let environment = Environment::interactive();
    let app = application(&environment, READ);
    let (works, bakery) = (organization(), organization());
    let there = works.to_string();
    let yes = || Decision::Approve(scopes(READ));
    for (before, after, for_organization) in
        [("invoices:read", COMPANY_ADMIN, true), (COMPANY_ADMIN, "invoices:read", false)]
    {
        let person = environment.person();
        hold(&environment, &person, works, before);
        let request = app.request(&[("scope", READ), ("organization", there.as_str())]);
        let page = asked(environment.authorize(&person.browser, &request).await.unwrap());
        assert_eq!(page.for_organization, !for_organization);
        hold(&environment, &person, works, after);
        let anew = asked(environment.engine.decide(&page.handle, &person.browser, yes()).await.unwrap());
        assert_eq!((anew.organization_id, anew.for_organization), (Some(works), for_organization));
        let answer = returned(environment.engine.decide(&anew.handle, &person.browser, yes()).await);
        assert!(parameter(&answer, "code").is_some());
        environment.store.disconnect(app.id());
    }
    let person = member(&environment, works);
    hold(&environment, &person, bakery, "invoices:read");
    let request = app.request(&[("scope", READ)]);
    let Step::ChooseOrganization(choose) = environment.authorize(&person.browser, &request).await.unwrap() else {
        panic!("nothing to choose")
    };
    let (works, bakery) = (works.to_string(), bakery.to_string());
    let engine = &environment.engine;
    let page = asked(engine.choose_organization(&choose.handle, &person.browser, Some(&works)).await.unwrap());
    let other = asked(engine.choose_organization(&page.handle, &person.browser, Some(&bakery)).await.unwrap());
    let shown = [page, other].map(|page| page.organization_id.unwrap().to_string());
    assert_eq!(shown, [works, bakery]);
}

#[tokio::test]
async fn tokens_die_with_their_connection() {
    let environment = Environment::interactive();
    let app = application(&environment, READ);
    let person = environment.person();
    let tokens = environment.tokens(&app, &person, &[("scope", READ)]).await;
    let code = environment.code(&app, &person, &[("scope", READ)]).await;
    environment.store.disconnect(app.id());
    assert_eq!(worth(&environment, &tokens).await, None);
    assert!(!environment.is_active(&app.registered(), tokens.access_token.expose()).await);
    let refresh = tokens.refresh_token.as_ref().unwrap().expose();
    assert_refused(environment.refresh(&app, refresh, &[]).await, InvalidGrant);
    assert_refused(environment.exchange(&app, &code, &[]).await, InvalidGrant);
    let page = asked(environment.authorize(&person.browser, &app.request(&[("scope", READ)])).await.unwrap());
    assert_eq!(shown(&page), [(READ, true)], "they are asked as if for the first time");
}

#[tokio::test]
async fn a_replaced_secret_works_as_long_as_it_was_given() {
    let environment = Environment::new();
    let mut client = machine(&environment);
    let (old, new) = (client.secret.clone(), generate(SecretKind::ClientSecret).unwrap().expose().to_owned());
    let expires_at = environment.clock.now().plus_seconds(3_600);
    environment.change(&mut client, |machine| {
        machine.client.secret_hash = Some(SecretHash::of(&new));
        machine.client.previous_secret = Some(PreviousSecret { hash: SecretHash::of(&old), expires_at });
    });
    let issued = environment.issued_to(&client).await;
    environment.clock.advance_seconds(3_599);
    for secret in [&old, &new] {
        client.secret = secret.clone();
        assert!(environment.token(&client, &[]).await.is_ok());
    }
    environment.clock.advance_seconds(1);
    client.secret = old;
    assert_refused(environment.token(&client, &[]).await, InvalidClient);
    client.secret = new;
    assert!(environment.token(&client, &[]).await.is_ok());
    assert!(environment.presented(&issued).await.is_some(), "what was issued stays valid");
}

#[tokio::test]
async fn a_token_that_is_introspected_was_used_once_it_is_called_active() {
    let environment = Environment::interactive();
    let (app, organization) = (application(&environment, SCOPES), organization());
    let person = member(&environment, organization);
    let named = organization.to_string();
    let tokens = environment.tokens(&app, &person, &[("organization", &named)]).await;
    let (asking, token) = (app.registered(), tokens.access_token.expose());
    for failing in 1..=3 {
        let store = Faulty::at(failing, Fault::BeforeTheWork, environment.store.clone());
        let told = environment.behind(&store).introspect(&asking, token).await;
        assert_refused(told, TemporarilyUnavailable);
    }
    assert_eq!(environment.store.uses(), [], "nobody was told that it is good");
    assert!(environment.is_active(&asking, token).await);
    let [used] = &environment.store.uses()[..] else { panic!("one use") };
    assert_eq!((used.at, used.ip), (environment.clock.now(), None));
}

#[tokio::test]
async fn introspection_says_whose_an_applications_own_token_is() {
    let environment = Environment::interactive();
    let machine = machine(&environment);
    let owner = machine.machine.client.ownership.as_ref().unwrap().organization_id.to_string();
    let told = environment.introspect(&machine, &environment.issued_to(&machine).await).await.unwrap();
    assert_eq!((told.org_id, told.org_roles, told.org_permissions), (Some(owner), None, None));
    // A person's token is theirs, wherever the application comes from.
    let app = application(&environment, SCOPES);
    let tokens = environment.tokens(&app, &environment.person(), &[]).await;
    let told = environment.introspect(&app.registered(), tokens.access_token.expose()).await.unwrap();
    assert_eq!((told.active, told.org_id), (true, None));
}
