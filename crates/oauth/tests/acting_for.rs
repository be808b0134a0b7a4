//! Acting for an organization: which one, what the tokens say of it, and what ends with the membership.

use paylent_domain::{
    Id, Timestamp,
    client::{OrganizationUsage, TokenFormat},
    organization::{Organization, Slug},
};
use paylent_oauth::{
    AuthorizeError, ChooseOrganization,
    ErrorCode::{AccessDenied, InteractionRequired, InvalidGrant, InvalidRequest},
    IntrospectionRequest, MemoryStore, Step,
    crypto::secret::random_bytes,
    store::{Belonging, Member},
};
use serde_json::json;

use crate::common::{
    Environment, HERE, assert_refused, form,
    people::{App, Person, assert_told, parameter, returned},
};

type Engine = Environment<MemoryStore>;

/// Makes the person a member of a new organization.
pub(crate) fn join(environment: &Engine, person: &Person, name: &str) -> Id<Organization> {
    let id: Id<Organization> = Id::new(Timestamp::from_seconds(1), random_bytes().unwrap());
    let belonging = Belonging { id, name: name.to_owned(), slug: Some(Slug::stored(name.to_lowercase())) };
    hold(environment, person, &belonging, "lead", "invoices:approve");
    id
}

fn hold(environment: &Engine, person: &Person, belonging: &Belonging, role: &str, permission: &str) {
    let (roles, permissions) = (vec![role.to_owned()], vec![permission.to_owned()]);
    let member = Member { organization_id: belonging.id, roles, permissions };
    environment.store.put_member(person.subject.id, belonging.clone(), member);
}

fn app(environment: &Engine, usage: OrganizationUsage, format: TokenFormat) -> App {
    environment.app(|application| {
        application.organization_usage = usage;
        application.client.token_format = format;
        application.first_party = true;
    })
}

#[track_caller]
fn chooser(step: Result<Step, AuthorizeError>) -> ChooseOrganization {
    match step.unwrap() {
        Step::ChooseOrganization(choose) => choose,
        step => panic!("nothing to choose: {step:?}"),
    }
}

async fn introspect(environment: &Engine, app: &App, token: &str) -> serde_json::Value {
    let request = IntrospectionRequest::parse(
        &[],
        form(&[("token", token), ("client_id", app.id()), ("client_secret", &app.secret)]),
    );
    serde_json::to_value(environment.engine.introspect(request.unwrap()).await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_request_may_name_an_organization_by_id_or_slug() {
    let environment = Environment::interactive();
    let app = app(&environment, OrganizationUsage::None, TokenFormat::Jwt);
    let person = environment.person();
    let works = join(&environment, &person, "Works");
    for named in [works.to_string().as_str(), works.to_string().to_uppercase().as_str(), "works"] {
        let changes = [("organization", named), ("scope", "openid")];
        let tokens = environment.tokens(&app, &person, &changes).await;
        let (_, claims) = environment.claims(tokens.access_token.expose()).await;
        assert_eq!(claims["org_id"], json!(works.to_string()));
        assert_eq!(
            (&claims["org_roles"], &claims["org_permissions"]),
            (&json!(["lead"]), &json!(["invoices:approve"]))
        );
        assert_eq!((&claims["roles"], &claims["permissions"]), (&json!(["clerk"]), &json!(["documents:read"])));
        let (_, claims) = environment.claims(tokens.id_token.as_ref().unwrap().expose()).await;
        assert_eq!((&claims["org_id"], claims.get("org_roles")), (&json!(works.to_string()), None));
        let info = environment.engine.userinfo(tokens.access_token.expose(), HERE).await.unwrap();
        assert_eq!(info.org_id, Some(works));
    }
}

#[tokio::test]
async fn without_an_organization_the_tokens_say_nothing_of_one() {
    let environment = Environment::interactive();
    let app = app(&environment, OrganizationUsage::None, TokenFormat::Jwt);
    let person = environment.person();
    join(&environment, &person, "Works");
    let tokens = environment.tokens(&app, &person, &[("scope", "openid")]).await;
    for token in [&tokens.access_token, tokens.id_token.as_ref().unwrap()] {
        let (_, claims) = environment.claims(token.expose()).await;
        assert!(claims.as_object().unwrap().keys().all(|name| !name.starts_with("org_")), "{claims}");
    }
    assert_eq!(introspect(&environment, &app, tokens.access_token.expose()).await.get("org_id"), None);
}

#[tokio::test]
async fn an_organization_of_others_is_as_unknown_as_one_that_is_not() {
    let environment = Environment::interactive();
    let app = app(&environment, OrganizationUsage::Optional, TokenFormat::Jwt);
    let (person, other) = (environment.person(), environment.person());
    join(&environment, &person, "Works");
    let bakery = join(&environment, &other, "Bakery").to_string();
    let mut answers = Vec::new();
    for named in [bakery.as_str(), "bakery", "no-such", "Works", "0192f0c1-0000-7000-8000-000000000001"] {
        let answer = returned(environment.authorize(&person.browser, &app.request(&[("organization", named)])).await);
        answers.push(answer.parameters.clone());
        assert_eq!(parameter(&answer, "error"), Some("access_denied"), "{named}");
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "nobody learns what exists");
    let twice = format!("{}&organization=works&organization=works", crate::common::people::query(&app.request(&[])));
    let twice = paylent_oauth::AuthorizationRequest::parse(twice.as_bytes()).unwrap();
    assert_told(environment.engine.authorize(twice, &person.browser).await, InvalidRequest);
}

#[tokio::test]
async fn a_client_that_requires_an_organization_gets_nobody_without_one() {
    let environment = Environment::interactive();
    let app = app(&environment, OrganizationUsage::Required, TokenFormat::Jwt);
    let person = environment.person();
    let request = app.request(&[]);
    assert_told(environment.authorize(&person.browser, &request).await, AccessDenied);
    let works = join(&environment, &person, "Works");
    let tokens = environment.tokens(&app, &person, &[("prompt", "none")]).await;
    assert_eq!(environment.claims(tokens.access_token.expose()).await.1["org_id"], json!(works.to_string()));
    let bakery = join(&environment, &person, "Bakery");
    let none = app.request(&[("prompt", "none")]);
    assert_told(environment.authorize(&person.browser, &none).await, InteractionRequired);
    let choose = chooser(environment.authorize(&person.browser, &request).await);
    let names: Vec<&str> = choose.organizations.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(
        (names.as_slice(), choose.optional, choose.user_id),
        (["Bakery", "Works"].as_slice(), false, person.subject.id)
    );
    let choice = |handle: String, chosen: Option<String>| {
        let (environment, browser) = (&environment, &person.browser);
        async move { environment.engine.choose_organization(&handle, browser, chosen.as_deref()).await }
    };
    let elsewhere = join(&environment, &environment.person(), "Elsewhere").to_string();
    for wrong in [None, Some(elsewhere), Some("bakery".to_owned()), Some(String::new())] {
        chooser(choice(choose.handle.clone(), wrong).await);
    }
    let answer = returned(choice(choose.handle, Some(bakery.to_string())).await);
    let tokens = environment.exchange(&app, parameter(&answer, "code").unwrap(), &[]).await.unwrap();
    assert_eq!(environment.claims(tokens.access_token.expose()).await.1["org_id"], json!(bakery.to_string()));
}

#[tokio::test]
async fn where_an_organization_is_optional_one_may_go_on_as_oneself() {
    let environment = Environment::interactive();
    let app = app(&environment, OrganizationUsage::Optional, TokenFormat::Jwt);
    let person = environment.person();
    environment.tokens(&app, &person, &[("prompt", "none")]).await;
    join(&environment, &person, "Works");
    let none = app.request(&[("prompt", "none")]);
    assert_told(environment.authorize(&person.browser, &none).await, InteractionRequired);
    let choose = chooser(environment.authorize(&person.browser, &app.request(&[])).await);
    assert!(choose.optional);
    let answer = returned(environment.engine.choose_organization(&choose.handle, &person.browser, None).await);
    let tokens = environment.exchange(&app, parameter(&answer, "code").unwrap(), &[]).await.unwrap();
    assert_eq!(environment.claims(tokens.access_token.expose()).await.1.get("org_id"), None);
}

#[tokio::test]
async fn a_choice_stays_on_the_way_to_the_code_and_is_nobody_elses() {
    let environment = Environment::interactive();
    let app = environment.app(|application| application.organization_usage = OrganizationUsage::Optional);
    let person = environment.person();
    let works = join(&environment, &person, "Works");
    let choose = chooser(environment.authorize(&person.browser, &app.request(&[])).await);
    let works = works.to_string();
    let step = environment.engine.choose_organization(&choose.handle, &person.browser, Some(&works)).await.unwrap();
    let Step::Consent(consent) = step else { panic!("consent comes next: {step:?}") };
    let mut other = environment.person();
    other.browser.id = person.browser.id;
    join(&environment, &other, "Bakery");
    join(&environment, &other, "Dairy");
    chooser(environment.engine.resume(&consent.handle, &other.browser).await);
    let all = consent.scopes.iter().map(|scope| scope.name.clone()).collect();
    let decision = paylent_oauth::Decision::Approve(all);
    let answer = returned(environment.engine.decide(&consent.handle, &person.browser, decision).await);
    let tokens = environment.exchange(&app, parameter(&answer, "code").unwrap(), &[]).await.unwrap();
    let told = introspect(&environment, &app, tokens.access_token.expose()).await;
    assert_eq!((&told["org_id"], &told["org_roles"]), (&json!(works), &json!(["lead"])));
}

#[tokio::test]
async fn or_member_remove_a_lost_membership_ends_what_was_granted_as_a_member() {
    for format in [TokenFormat::Jwt, TokenFormat::Opaque] {
        let environment = Environment::interactive();
        let app = app(&environment, OrganizationUsage::None, format);
        let person = environment.person();
        let works = join(&environment, &person, "Works");
        let named = [("organization", "works")];
        let own = environment.tokens(&app, &person, &[]).await;
        let tokens = environment.tokens(&app, &person, &named).await;
        let code = environment.code(&app, &person, &named).await;
        environment.store.end_membership(person.subject.id, works);
        assert_eq!(introspect(&environment, &app, tokens.access_token.expose()).await, json!({"active": false}));
        let refresh = tokens.refresh_token.as_ref().unwrap().expose();
        assert_refused(environment.refresh(&app, refresh, &[]).await, InvalidGrant);
        assert_refused(environment.exchange(&app, &code, &[]).await, InvalidGrant);
        assert_eq!(introspect(&environment, &app, own.access_token.expose()).await["active"], json!(true));
        environment.refresh(&app, own.refresh_token.as_ref().unwrap().expose(), &[]).await.unwrap();
    }
}

#[tokio::test]
async fn or_member_remove_the_next_token_says_what_is_held_then() {
    let environment = Environment::interactive();
    let app = app(&environment, OrganizationUsage::None, TokenFormat::Jwt);
    let person = environment.person();
    let works = join(&environment, &person, "Works");
    let tokens = environment.tokens(&app, &person, &[("organization", "works")]).await;
    let belonging = Belonging { id: works, name: "Works".to_owned(), slug: None };
    hold(&environment, &person, &belonging, "reader", "invoices:read");
    let told = introspect(&environment, &app, tokens.access_token.expose()).await;
    assert_eq!((&told["org_roles"], &told["org_permissions"]), (&json!(["reader"]), &json!(["invoices:read"])));
    let next = environment.refresh(&app, tokens.refresh_token.as_ref().unwrap().expose(), &[]).await.unwrap();
    let (_, claims) = environment.claims(next.access_token.expose()).await;
    assert_eq!((&claims["org_roles"], &claims["org_permissions"]), (&json!(["reader"]), &json!(["invoices:read"])));
}
