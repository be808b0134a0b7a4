//! From where the tokens of an application may be used, whatever the store does. Catalogue section A18.

use std::net::{IpAddr, Ipv4Addr};

use paylent_domain::{
    Id,
    allow_list::{AllowList, AllowListMode},
    network::Caller,
    scope::Scopes,
};
use paylent_oauth::{
    BearerError, Error, ErrorCode, Introspection, IntrospectionRequest, Store, TokenRequest,
    store::{Machine, Ownership, Presented},
};

use crate::common::{
    API, Environment, HERE, Registered, SCOPES, assert_refused,
    faulty::{
        Fault::{AfterTheWork, BeforeTheWork},
        Faulty,
    },
    opaque,
};

/// An address that the application does not list; it lists [`HERE`].
const ELSEWHERE: Caller = Caller::at(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)));
/// Behind a proxy that nobody knows.
const HIDDEN: Caller = Caller { ip: HERE.ip, is_disguised: true };

fn owned(mode: AllowListMode) -> impl FnOnce(&mut Machine) {
    move |machine| {
        opaque(machine);
        machine.client.ownership = Some(Ownership {
            organization_id: Id::from_bytes([7; 16]),
            permissions: Scopes::parse(SCOPES).unwrap(),
            allow_list: AllowList::parse([HERE.ip.to_string().as_str()]).unwrap(),
            allow_list_mode: mode,
        });
    }
}

/// An environment with an application that enforces its list, and a static token of it.
async fn scene() -> (Environment, Registered, String) {
    let environment = Environment::new();
    let application = environment.client(owned(AllowListMode::Enforce));
    let token = environment.issued_to(&application).await;
    (environment, application, token)
}

async fn ask<S: Store>(environment: &Environment<S>, client: &Registered, caller: Caller) -> Result<(), Error> {
    let form = client.form(&[("grant_type", "client_credentials")]);
    environment.engine.token(TokenRequest::parse(&[], form, caller)?).await.map(|_| ())
}

async fn introspect<S: Store>(
    environment: &Environment<S>,
    client: &Registered,
    token: &str,
    ip: &str,
) -> Result<Introspection, Error> {
    let form = client.form(&[("token", token), ("client_ip", ip)]);
    environment.engine.introspect(IntrospectionRequest::parse(&[], form)?).await
}

#[tokio::test]
async fn ip_dberr_a_foreign_token_is_never_accepted_whatever_fails() {
    for fault in [BeforeTheWork, AfterTheWork] {
        let (environment, _, token) = scene().await;
        for failing in 1..=2 {
            let store = Faulty::at(failing, fault, environment.store.clone());
            let used = environment.behind(&store).engine.bearer(&token, API, ELSEWHERE).await;
            assert!(store.has_failed());
            match (failing, used) {
                (1, Err(BearerError::Failed(error))) => assert_eq!(error.code, ErrorCode::TemporarilyUnavailable),
                (2, Err(BearerError::Foreign(foreign))) => assert!(foreign.cause.is_some(), "the log is to say why"),
                (_, other) => panic!("call {failing} failed: {other:?}"),
            }
        }
        let again = environment.engine.bearer(&token, API, ELSEWHERE).await;
        match fault {
            BeforeTheWork => assert!(matches!(again, Err(BearerError::Foreign(foreign)) if foreign.cause.is_none())),
            AfterTheWork => assert!(matches!(again, Err(BearerError::Invalid)), "only the answer was lost"),
        }
        assert!(matches!(environment.engine.bearer(&token, API, HERE).await, Err(BearerError::Invalid)));
    }
}

#[tokio::test]
async fn ip_dberr_a_foreign_secret_gets_no_token_whatever_fails() {
    let (environment, application, _) = scene().await;
    for (failing, code) in [(1, ErrorCode::TemporarilyUnavailable), (2, ErrorCode::AccessDenied)] {
        let store = Faulty::at(failing, BeforeTheWork, environment.store.clone());
        assert_refused(ask(&environment.behind(&store), &application, ELSEWHERE).await, code);
        assert!(store.has_failed());
    }
    assert_refused(ask(&environment, &application, ELSEWHERE).await, ErrorCode::AccessDenied);
    assert!(ask(&environment, &application, HERE).await.is_ok());
}

#[tokio::test]
async fn ip_dberr_a_foreign_token_is_never_called_active_whatever_fails() {
    let (environment, application, token) = scene().await;
    for failing in 1..=3 {
        let store = Faulty::at(failing, BeforeTheWork, environment.store.clone());
        let told = introspect(&environment.behind(&store), &application, &token, &ELSEWHERE.ip.to_string()).await;
        assert_refused(told, ErrorCode::TemporarilyUnavailable);
        assert!(store.has_failed());
    }
    let told = introspect(&environment, &application, &token, &ELSEWHERE.ip.to_string()).await.unwrap();
    assert_eq!(told, Introspection::default());
    assert!(!environment.is_active(&application, &token).await);
}

#[tokio::test]
async fn ip_spoof_what_proves_nothing_is_refused_and_not_reported() {
    let (environment, application, token) = scene().await;
    assert!(matches!(environment.engine.bearer(&token, API, HIDDEN).await, Err(BearerError::Foreign(_))));
    assert!(matches!(environment.engine.bearer(&token, API, Caller::UNKNOWN).await, Err(BearerError::Foreign(_))));
    assert_refused(ask(&environment, &application, HIDDEN).await, ErrorCode::AccessDenied);
    assert!(environment.store.violations().is_empty());
    assert!(environment.engine.bearer(&token, API, HERE).await.is_ok());
}

#[tokio::test]
async fn ip_violate_what_is_reported_says_what_was_presented() {
    let (environment, application, token) = scene().await;
    assert_refused(ask(&environment, &application, ELSEWHERE).await, ErrorCode::AccessDenied);
    assert!(environment.engine.bearer(&token, API, ELSEWHERE).await.is_err());
    let [secret, used] = &environment.store.violations()[..] else { panic!("two reports") };
    assert_eq!((secret.presented, secret.prefix.as_deref()), (Presented::Secret, None));
    assert!(matches!(used.presented, Presented::AccessToken(_)));
    assert_eq!((used.prefix.as_deref(), used.ip, used.enforced), (Some(&token[..13]), ELSEWHERE.ip, true));
    assert_eq!(used.client_id, application.id());
}

#[tokio::test]
async fn ip_violate_who_only_observes_reports_and_lets_pass() {
    let environment = Environment::new();
    let application = environment.client(owned(AllowListMode::Observe));
    assert!(ask(&environment, &application, ELSEWHERE).await.is_ok());
    let token = environment.issued_to(&application).await;
    for caller in [HERE, HIDDEN, ELSEWHERE, ELSEWHERE] {
        assert!(environment.engine.bearer(&token, API, caller).await.is_ok());
    }
    let told = introspect(&environment, &application, &token, &ELSEWHERE.ip.to_string()).await.unwrap();
    assert!(told.active);
    let reported = environment.store.violations();
    assert_eq!(reported.len(), 4, "the secret, two uses, and one that another API told of");
    assert!(reported.iter().all(|violation| !violation.enforced));
    let store = Faulty::at(2, BeforeTheWork, environment.store.clone());
    assert!(
        environment.behind(&store).engine.bearer(&token, API, ELSEWHERE).await.is_ok(),
        "nor does a failure matter"
    );
}

#[tokio::test]
async fn ip_invalid_a_token_for_another_audience_is_not_judged() {
    let (environment, _, token) = scene().await;
    for audience in [crate::common::OTHER_API, crate::common::ISSUER] {
        assert!(matches!(environment.engine.bearer(&token, audience, ELSEWHERE).await, Err(BearerError::Invalid)));
    }
    assert!(environment.store.violations().is_empty());
}
