//! Applications of organizations: what binds their tokens, by whose connection codes live, and static tokens.

use paylent_crypto::secret::SecretHash;
use paylent_domain::{
    Id, Timestamp,
    application::{Connection, MAX_STATIC_TOKENS},
    organization::Organization,
    scope::Scopes,
};

use super::{
    StoreUnderTest,
    at_once::{MANY, at_once},
    fixtures::{answer, random, scopes, token, unique},
    scene::{Issued, Scene, ownership},
};
use crate::store::{
    AuthorizationCode, Belonging, Connected, Consenting, Exchanged, Kept, Machine, Member, NewStaticToken, Rotated,
};

const READ: &[&str] = &["documents:read"];
const BOTH: &[&str] = &["documents:read", "documents:write"];

/// Makes the scene's person a member of this organization.
async fn join<S: StoreUnderTest>(store: &S, scene: &Scene, organization: Id<Organization>) {
    let belonging = Belonging { id: organization, name: "Works".to_owned(), slug: None };
    let (roles, permissions) = (vec![format!("clerk {}", unique())], vec!["invoices:read".to_owned()]);
    store.put_member(scene.subject.id, belonging, Member { organization_id: organization, roles, permissions }).await;
}

/// A person, an application of an organization, and an organization to which the person belongs.
async fn scene<S: StoreUnderTest>(store: &S) -> (Scene, Id<Organization>) {
    let scene = Scene::of_an_application(store).await;
    let works = Id::new(super::fixtures::NOW, random());
    join(store, &scene, works).await;
    (scene, works)
}

/// Somebody else in the organization, with the same application.
async fn colleague<S: StoreUnderTest>(store: &S, scene: &Scene, organization: Id<Organization>) -> Scene {
    let colleague = Scene::with(store, scene.application.clone()).await;
    join(store, &colleague, organization).await;
    colleague
}

/// Saves a code with these scopes, and reads by what it lives.
async fn connect<S: StoreUnderTest>(
    store: &S,
    scene: &Scene,
    organization: Id<Organization>,
    for_organization: bool,
    granted: &[&str],
    asked: Option<&[&str]>,
) -> (AuthorizationCode, Option<Connected>) {
    let organization_id = Some(organization);
    let code = AuthorizationCode { scopes: scopes(granted), organization_id, for_organization, ..scene.code() };
    let rule = "a code of an application is kept with its connection";
    assert!(answer(store.save_code(code.clone(), asked.map(scopes)).await, rule), "{rule}");
    let Some(read) = answer(store.code(&code.hash).await, rule) else { panic!("{rule}") };
    (code, read.connection)
}

async fn consent<S: StoreUnderTest>(
    store: &S,
    scene: &Scene,
    organization_id: Option<Id<Organization>>,
    for_organization: bool,
) -> Option<Scopes> {
    let (client_id, audience) = (&scene.application.client.client_id, scene.audience());
    let of =
        Consenting { user_id: scene.subject.id, client_id, audience: &audience, organization_id, for_organization };
    answer(store.consent(of).await, "a consent can be read")
}

async fn exchange<S: StoreUnderTest>(store: &S, scene: &Scene, code: AuthorizationCode) -> Issued {
    let exchange = scene.exchange(&code);
    let rule = "a code can be exchanged";
    assert_eq!(answer(store.exchange(exchange.clone()).await, rule), Exchanged::Done, "{rule}");
    match (exchange.refresh, exchange.access) {
        (Some(refresh), Some(access)) => Issued { code, family: exchange.family, refresh, access },
        _ => panic!("the scene makes both tokens"),
    }
}

/// What everything that was issued shows of its connection: the code, the refresh token, the access token.
async fn seen<S: StoreUnderTest>(store: &S, issued: &Issued) -> [Option<Connected>; 3] {
    let rule = "what was issued can be read";
    let code = answer(store.code(&issued.code.hash).await, rule).and_then(|read| read.connection);
    let refresh = answer(store.refresh_token(&issued.refresh.hash).await, rule).and_then(|read| read.connection);
    let access = answer(store.access_token(&issued.access.hash).await, rule);
    [code, refresh, access.and_then(|(_, standing)| standing.connection)]
}

/// Whose the application is, and what binds its tokens, is read with the client and with everything issued to it, as it is
/// now.
pub async fn an_application_shows_what_binds_it<S: StoreUnderTest>(store: &S) {
    let (mut scene, works) = scene(store).await;
    let (code, _) = connect(store, &scene, works, false, READ, Some(READ)).await;
    let issued = exchange(store, &scene, code).await;
    let rule = "what binds an application is seen as it is now";
    for permissions in [BOTH, READ, &[]] {
        if let Some(ownership) = &mut scene.application.client.ownership {
            ownership.permissions = scopes(permissions);
        }
        store.put_application(scene.application.clone()).await;
        let expected = scene.application.client.ownership.clone();
        let client_id = &scene.application.client.client_id;
        let client = answer(store.client(client_id).await, rule).and_then(|client| client.ownership);
        let application = answer(store.application(client_id, None).await, rule);
        let resource = application.as_ref().and_then(|read| read.resource.clone()).map(|server| server.identifier);
        assert_eq!(resource, Some(scene.audience()), "an application is for its own API, whatever is asked about");
        let application = application.and_then(|read| read.client.ownership);
        let code = answer(store.code(&issued.code.hash).await, rule).and_then(|read| read.parties.client.ownership);
        let refresh = answer(store.refresh_token(&issued.refresh.hash).await, rule);
        let refresh = refresh.and_then(|read| read.parties.client.ownership);
        let access = answer(store.access_token(&issued.access.hash).await, rule);
        let access = access.and_then(|(_, standing)| standing.ownership);
        for read in [client, application, code, refresh, access] {
            assert_eq!(read, expected, "{rule}");
        }
    }
}

/// A consent to an application is one connection: one organization's, or one person's in one organization or in none.
pub async fn a_consent_to_an_application_is_one_connection<S: StoreUnderTest>(store: &S) {
    let (jane, works) = scene(store).await;
    let joe = colleague(store, &jane, works).await;
    let rule = "nobody agreed yet";
    assert_eq!(consent(store, &jane, Some(works), true).await, None, "{rule}");
    connect(store, &jane, works, true, READ, Some(READ)).await;
    connect(store, &jane, works, false, BOTH, Some(BOTH)).await;
    let rule = "what the organization agreed to counts for each of its people, and nowhere else";
    for person in [&jane, &joe] {
        assert_eq!(consent(store, person, Some(works), true).await, Some(scopes(READ)), "{rule}");
        assert_eq!(consent(store, person, None, false).await, None, "{rule}");
    }
    let rule = "what a person agreed to for themself is theirs alone";
    assert_eq!(consent(store, &jane, Some(works), false).await, Some(scopes(BOTH)), "{rule}");
    assert_eq!(consent(store, &joe, Some(works), false).await, None, "{rule}");
    let alone = AuthorizationCode { scopes: scopes(&[]), ..jane.code() };
    let rule = "a person who acts for no organization has a connection of their own";
    assert!(answer(store.save_code(alone, Some(scopes(READ))).await, rule), "{rule}");
    assert_eq!(consent(store, &jane, None, false).await, Some(scopes(&[])), "{rule}");
    assert_eq!(consent(store, &jane, Some(works), false).await, Some(scopes(BOTH)), "{rule}");
}

/// A code lives by one connection that covers it: the organization's before the person's, and an admin's by the
/// organization's alone.
pub async fn a_code_lives_by_a_connection_that_covers_it<S: StoreUnderTest>(store: &S) {
    let (admin, works) = scene(store).await;
    let member = colleague(store, &admin, works).await;
    let rule = "a code that no connection covers, and nobody agreed to, has none";
    assert_eq!(connect(store, &member, works, false, READ, None).await.1, None, "{rule}");
    let rule = "whoever agrees makes a connection, or changes theirs";
    let (_, own) = connect(store, &member, works, false, READ, Some(READ)).await;
    assert_eq!(own.as_ref().map(|own| &own.scopes), Some(&scopes(READ)), "{rule}");
    let (_, wider) = connect(store, &member, works, false, BOTH, Some(BOTH)).await;
    assert_eq!(wider.as_ref().map(|wider| wider.id), own.as_ref().map(|own| own.id), "{rule}");
    let rule = "a person's connection is not the organization's";
    assert_eq!(connect(store, &admin, works, true, READ, None).await.1, None, "{rule}");
    let (_, for_all) = connect(store, &admin, works, true, READ, Some(READ)).await;
    assert_ne!(for_all.as_ref().map(|one| one.id), own.as_ref().map(|one| one.id), "{rule}");
    let rule = "the organization's connection comes before the person's, where it covers the code";
    assert_eq!(connect(store, &member, works, false, READ, None).await.1, for_all, "{rule}");
    assert_eq!(connect(store, &member, works, false, BOTH, None).await.1, wider, "{rule}");
    let rule = "an admin connects for the organization alone";
    assert_eq!(connect(store, &admin, works, true, BOTH, None).await.1, None, "{rule}");
}

/// An answer is about what was asked: the rest stays as it is at that moment, and nothing is let that the application has no
/// permission for.
pub async fn an_answer_is_about_what_was_asked<S: StoreUnderTest>(store: &S) {
    let (jane, works) = scene(store).await;
    let kept = async || consent(store, &jane, Some(works), false).await;
    let (_, made) = connect(store, &jane, works, false, BOTH, Some(BOTH)).await;
    let Some(made) = made else { panic!("whoever agrees makes a connection") };
    store.narrow_connection(made.id, &scopes(READ)).await;
    let rule = "what was taken from a connection meanwhile does not come back by another answer";
    connect(store, &jane, works, false, &["openid"], Some(&["openid"])).await;
    assert_eq!(kept().await, Some(scopes(&["documents:read", "openid"])), "{rule}");
    let rule = "what somebody was asked for and did not agree to is let no more";
    connect(store, &jane, works, false, &["documents:write"], Some(BOTH)).await;
    assert_eq!(kept().await, Some(scopes(&["documents:write", "openid"])), "{rule}");
    let rule = "nothing is let that the application has no permission for";
    connect(store, &jane, works, false, &["documents:shred"], Some(&["documents:shred"])).await;
    assert_eq!(kept().await, Some(scopes(&["documents:write", "openid"])), "{rule}");
    store.end_membership(jane.subject.id, works).await;
    let rule = "who has left an organization connects nothing there";
    assert_eq!(connect(store, &jane, works, false, READ, Some(READ)).await.1, None, "{rule}");
    assert_eq!(connect(store, &jane, works, true, READ, Some(READ)).await.1, None, "{rule}");
    assert_eq!(kept().await, None, "{rule}");
}

/// Of many people who agree for one organization at the same time, each changes the one connection.
pub async fn a_party_has_one_connection<S: StoreUnderTest>(store: &S) {
    let (scene, works) = scene(store).await;
    let rule = "a party has one connection to an application, however many agree at once";
    let codes: Vec<AuthorizationCode> = (0..MANY)
        .map(|_| AuthorizationCode {
            scopes: scopes(READ),
            organization_id: Some(works),
            for_organization: true,
            ..scene.code()
        })
        .collect();
    for saved in at_once(MANY, |number| store.save_code(codes[number].clone(), Some(scopes(READ)))).await {
        assert!(answer(saved, rule), "{rule}");
    }
    let mut ids: Vec<Option<Id<Connection>>> = Vec::new();
    for code in &codes {
        let read = answer(store.code(&code.hash).await, rule);
        ids.push(read.and_then(|read| read.connection).map(|connection| connection.id));
    }
    assert!(ids[0].is_some() && ids.iter().all(|id| *id == ids[0]), "{rule}");
}

/// What is taken from a connection is gone for everything that lives by it, and for nothing else.
pub async fn a_narrowed_connection_is_seen_at_once<S: StoreUnderTest>(store: &S) {
    let (jane, works) = scene(store).await;
    let joe = colleague(store, &jane, works).await;
    let mut issued = Vec::new();
    for person in [&jane, &joe] {
        let (code, _) = connect(store, person, works, false, BOTH, Some(BOTH)).await;
        issued.push(exchange(store, person, code).await);
    }
    let rule = "a narrowed connection is seen with the code, the refresh token and the access token at once";
    let before = seen(store, &issued[0]).await;
    let Some(connection) = before[0].clone() else { panic!("{rule}") };
    assert_eq!(before, [(); 3].map(|()| Some(connection.clone())), "{rule}");
    let others = seen(store, &issued[1]).await;
    store.narrow_connection(connection.id, &scopes(READ)).await;
    let narrowed = Connected { scopes: scopes(READ), ..connection };
    assert_eq!(seen(store, &issued[0]).await, [(); 3].map(|()| Some(narrowed.clone())), "{rule}");
    assert_eq!(seen(store, &issued[1]).await, others, "another person's stays as it is");
    assert_eq!(consent(store, &jane, Some(works), false).await, Some(scopes(READ)), "what was taken is asked anew");
}

/// A connection ends with its codes and with all of its tokens, and with no others.
pub async fn a_connection_ends_with_its_tokens<S: StoreUnderTest>(store: &S) {
    let (jane, works) = scene(store).await;
    let joe = colleague(store, &jane, works).await;
    let (code, connection) = connect(store, &jane, works, true, READ, Some(READ)).await;
    let Some(connection) = connection else { panic!("whoever agrees makes a connection") };
    let by_the_company = [exchange(store, &jane, code).await, {
        let (code, _) = connect(store, &joe, works, false, READ, None).await;
        exchange(store, &joe, code).await
    }];
    let (unused, _) = connect(store, &joe, works, false, READ, None).await;
    let (code, _) = connect(store, &joe, works, false, BOTH, Some(BOTH)).await;
    let own = exchange(store, &joe, code).await;
    store.disconnect(connection.id).await;
    let rule = "a withdrawn connection takes its codes and tokens along, whoever's they are";
    for issued in &by_the_company {
        assert_eq!(seen(store, issued).await, [None, None, None], "{rule}");
        assert_eq!(answer(store.rotate(issued.rotation()).await, rule), Rotated::Gone, "{rule}");
    }
    assert_eq!(answer(store.exchange(joe.exchange(&unused)).await, rule), Exchanged::Gone, "{rule}");
    assert_eq!(consent(store, &joe, Some(works), true).await, None, "{rule}");
    let rule = "a connection of another's stays with its tokens";
    assert!(seen(store, &own).await.iter().all(Option::is_some), "{rule}");
    assert_eq!(answer(store.rotate(own.rotation()).await, rule), Rotated::Done, "{rule}");
}

/// The end of a membership ends the person's own connection there; the organization's stays, whoever made it.
pub async fn a_membership_ends_with_the_persons_own_connection<S: StoreUnderTest>(store: &S) {
    let (jane, works) = scene(store).await;
    let joe = colleague(store, &jane, works).await;
    connect(store, &jane, works, true, READ, Some(READ)).await;
    connect(store, &jane, works, false, BOTH, Some(BOTH)).await;
    let (code, _) = connect(store, &joe, works, false, READ, None).await;
    let kept = exchange(store, &joe, code).await;
    let (code, _) = connect(store, &jane, works, false, READ, None).await;
    let lost = exchange(store, &jane, code).await;
    store.end_membership(jane.subject.id, works).await;
    let rule = "the end of a membership ends the person's connection, and what they were issued by the organization's";
    assert_eq!(consent(store, &jane, Some(works), false).await, None, "{rule}");
    assert_eq!(answer(store.rotate(lost.rotation()).await, rule), Rotated::Gone, "{rule}");
    let rule = "the organization's connection outlives who made it";
    assert_eq!(consent(store, &joe, Some(works), true).await, Some(scopes(READ)), "{rule}");
    assert!(seen(store, &kept).await.iter().all(Option::is_some), "{rule}");
    assert_eq!(answer(store.rotate(kept.rotation()).await, rule), Rotated::Done, "{rule}");
}

/// The tokens of a connection outlive the session in which it was made, without `offline_access`.
pub async fn a_connection_outlives_its_session<S: StoreUnderTest>(store: &S) {
    let (scene, works) = scene(store).await;
    let (code, _) = connect(store, &scene, works, false, READ, Some(READ)).await;
    let issued = exchange(store, &scene, code).await;
    let (unused, _) = connect(store, &scene, works, false, READ, None).await;
    let rule = "the tokens of a connection outlive the session";
    answer(store.end_session(scene.session_id, super::fixtures::NOW).await, rule);
    let access = answer(store.access_token(&issued.access.hash).await, rule);
    assert_eq!(access.map(|(_, standing)| standing.family_revoked), Some(false), "{rule}");
    assert_eq!(answer(store.rotate(issued.rotation()).await, rule), Rotated::Done, "{rule}");
    let rule = "a code does not";
    assert_eq!(answer(store.exchange(scene.exchange(&unused)).await, rule), Exchanged::Gone, "{rule}");
}

/// An application has at most a hundred static tokens, however many are asked for at once; each is an access token with all
/// that binds it.
pub async fn static_tokens_are_counted<S: StoreUnderTest>(store: &S) {
    let mut machine = super::fixtures::machine();
    machine.client.ownership = Some(ownership());
    let resource = machine.grants[0].resource.clone();
    store.put_machine(machine.clone()).await;
    let (rule, new) =
        ("at most a hundred static tokens are kept", |machine: &Machine| static_token(machine, &resource));
    for _ in MANY / 2..MAX_STATIC_TOKENS {
        assert_eq!(answer(store.save_static_token(new(&machine)).await, rule), Kept::Done, "{rule}");
    }
    let last: Vec<NewStaticToken> = (0..MANY).map(|_| new(&machine)).collect();
    let save = async |number: usize| (number, answer(store.save_static_token(last[number].clone()).await, rule));
    let saved = at_once(MANY, save).await;
    assert_eq!(saved.iter().filter(|(_, saved)| *saved == Kept::Done).count(), MANY / 2, "{rule}");
    for (number, saved) in saved {
        let saved = saved == Kept::Done;
        let token = &last[number].token;
        let read = answer(store.access_token(&token.hash).await, rule);
        let (ownership, connection) = match &read {
            Some((_, standing)) => (standing.ownership.clone(), standing.connection.clone()),
            None => (None, None),
        };
        assert_eq!(read.map(|(token, _)| token), saved.then(|| token.clone()), "{rule}");
        assert_eq!((ownership, connection), (machine.client.ownership.clone().filter(|_| saved), None), "{rule}");
    }
    let rule = "who revokes one may have another";
    let Some(one) = last.iter().map(|new| new.token.hash).next() else { panic!("{rule}") };
    let kept = answer(store.access_token(&one).await, rule).is_some();
    answer(store.delete_access_token(&one).await, rule);
    let expected = if kept { Kept::Done } else { Kept::TooMany };
    assert_eq!(answer(store.save_static_token(new(&machine)).await, rule), expected, "{rule}");
    let mut other = super::fixtures::machine();
    other.client.ownership = Some(ownership());
    store.put_machine(other.clone()).await;
    let rule = "each application has its own";
    let resource = other.grants[0].resource.clone();
    assert_eq!(answer(store.save_static_token(static_token(&other, &resource)).await, rule), Kept::Done, "{rule}");
    let rule = "nothing is kept for a client or a user that is not what it was";
    let stale = |change: fn(&mut crate::store::OpaqueToken)| {
        let mut new = static_token(&other, &resource);
        change(&mut new.token);
        new
    };
    for new in [
        stale(|token| token.client_id = "nobody".to_owned()),
        stale(|token| token.client_generation += 1),
        stale(|token| token.user_generation += 1),
    ] {
        let hash = new.token.hash;
        assert_eq!(answer(store.save_static_token(new).await, rule), Kept::Gone, "{rule}");
        assert_eq!(answer(store.access_token(&hash).await, rule), None, "{rule}");
    }
}

fn static_token(machine: &Machine, resource: &str) -> NewStaticToken {
    let token = crate::store::OpaqueToken {
        hash: SecretHash::from_bytes(random()),
        audience: resource.to_owned(),
        scopes: scopes(READ),
        expires_at: None,
        ..token(machine)
    };
    NewStaticToken { id: Id::new(Timestamp::from_micros(1), random()), prefix: "pay_at_abcdef".to_owned(), token }
}
