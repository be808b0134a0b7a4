//! `application` and `profile`: clients and people as pages show them.

use paylent_domain::{Id, client::ClientType};

use super::{
    StoreUnderTest,
    fixtures::{NOW, answer, client_in_order, random, unique},
    scene::{Scene, application, server_in_order},
};
use crate::store::{Application, Client, Profile};

/// What was described is what is read, with the resource server that was asked about.
pub async fn an_application_comes_back_with_every_field<S: StoreUnderTest>(store: &S) {
    let full = application();
    let bare = Application {
        client: Client { client_type: ClientType::Public, secret_hash: None, ..application().client },
        first_party: false,
        require_pkce: false,
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        backchannel_logout_uri: None,
        ..application()
    };
    for application in [full, bare] {
        store.put_application(application.clone()).await;
        is_read(store, &application, "an application comes back with every field, its addresses in order").await;
        let client = answer(store.client(&application.client.client_id).await, "an application is a client");
        let expected = Some(client_in_order(application.client));
        assert_eq!(client.map(client_in_order), expected, "an application is a client");
    }
}

/// An inactive client is returned, and one described anew is replaced.
pub async fn an_application_is_what_it_is_now<S: StoreUnderTest>(store: &S) {
    let mut application = application();
    store.put_application(application.clone()).await;
    application.client.active = false;
    application.client.generation = 9;
    application.name = unique();
    application.redirect_uris = vec!["https://app.example.com/other".to_owned()];
    application.backchannel_logout_uri = None;
    application.resource.iter_mut().for_each(|server| {
        server.token_ttl = 60;
        server.allow_offline_access = false;
        server.scopes.truncate(1);
    });
    store.put_application(application.clone()).await;
    is_read(store, &application, "an application described anew is replaced").await;
}

/// The resource server is the one asked about, whosever it is, or none.
pub async fn the_resource_server_is_the_one_asked_about<S: StoreUnderTest>(store: &S) {
    let (one, other) = (application(), application());
    store.put_application(one.clone()).await;
    store.put_application(other.clone()).await;
    let rule = "the resource server is the one asked about";
    let client_id = &one.client.client_id;
    let identifier = other.resource.as_ref().map(|server| server.identifier.clone()).unwrap_or_default();
    let mut read = answer(store.application(client_id, Some(&identifier)).await, rule).and_then(|read| read.resource);
    let mut expected = other.resource;
    read.iter_mut().chain(&mut expected).for_each(server_in_order);
    assert_eq!(read, expected, "{rule}");
    let unknown = format!("https://{}.example.com", unique());
    for nothing in [None, Some(""), Some("%"), Some(unknown.as_str()), Some(&identifier.to_uppercase())] {
        let read = answer(store.application(client_id, nothing).await, rule);
        assert_eq!(read.map(|read| read.resource), Some(None), "{rule}: {nothing:?}");
    }
}

/// A `client_id` that nobody has is `None`, and is compared byte for byte.
pub async fn an_unknown_application_is_none<S: StoreUnderTest>(store: &S) {
    let application = application();
    store.put_application(application.clone()).await;
    let known = &application.client.client_id;
    for client_id in [unique().as_str(), "", "%", "' OR 1=1 --", &known.to_uppercase(), &format!("{known} ")] {
        let rule = format!("a client_id that nobody has is None: {client_id:?}");
        assert_eq!(answer(store.application(client_id, None).await, &rule), None, "{rule}");
    }
}

/// A profile is what it is now; somebody unknown has none.
pub async fn a_profile_comes_back_with_every_field<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let rule = "a profile comes back with every field";
    let bare =
        Profile { given_name: None, family_name: None, email_verified: false, locale: None, ..scene.profile.clone() };
    for profile in [scene.profile.clone(), bare] {
        store.put_person(scene.subject.clone(), profile.clone()).await;
        let read = answer(store.profile(scene.subject.id).await, rule);
        assert_eq!(read.map(|read| Profile { updated_at: profile.updated_at, ..read }), Some(profile), "{rule}");
    }
    let nobody = answer(store.profile(Id::new(NOW, random())).await, rule);
    assert_eq!(nobody, None, "somebody unknown has no profile");
}

async fn is_read<S: StoreUnderTest>(store: &S, expected: &Application, rule: &str) {
    let resource = expected.resource.as_ref().map(|server| server.identifier.as_str());
    let read = answer(store.application(&expected.client.client_id, resource).await, rule);
    assert_eq!(read.map(ordered), Some(ordered(expected.clone())), "{rule}");
}

fn ordered(mut application: Application) -> Application {
    application.resource.iter_mut().for_each(server_in_order);
    Application { client: client_in_order(application.client), ..application }
}
