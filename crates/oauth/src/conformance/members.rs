//! `belongings` and `member`, and what the end of a membership ends.

use paylent_crypto::secret::SecretHash;
use paylent_domain::{
    Id,
    organization::{Organization, Slug},
};

use super::{
    StoreUnderTest,
    at_once::at_once,
    fixtures::{NOW, answer, random, unique},
    scene::{Issued, Scene},
};
use crate::store::{Belonging, Exchanged, Member, Rotated};

/// An organization of this name, and what somebody holds there.
fn membership(name: &str, slug: bool) -> (Belonging, Member) {
    let id: Id<Organization> = Id::new(NOW, random());
    let slug = slug.then(|| Slug::stored(format!("s-{}", hex(&random::<8>()))));
    let member = Member {
        organization_id: id,
        roles: vec![format!("lead \"{}\"", unique())],
        permissions: vec!["invitations:create".to_owned(), "memberships:read".to_owned()],
    };
    (Belonging { id, name: name.to_owned(), slug }, member)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn in_order(member: Option<Member>) -> Option<Member> {
    member.map(|mut member| {
        member.roles.sort();
        member.permissions.sort();
        member
    })
}

/// A person belongs to what they were made a member of, by name, and holds there what the membership holds.
pub async fn a_person_belongs_where_they_are_a_member<S: StoreUnderTest>(store: &S) {
    let (scene, other) = (Scene::set(store).await, Scene::set(store).await);
    let (person, somebody_else) = (scene.subject.id, other.subject.id);
    let ((works, at_works), (bakery, at_bakery)) = (membership("Works", true), membership("Bakery 'Zoë'", false));
    let rule = "belongings are a person's own organizations, by name";
    assert_eq!(answer(store.belongings(person).await, rule), [], "{rule}");
    store.put_member(person, works.clone(), at_works.clone()).await;
    store.put_member(person, bakery.clone(), at_bakery.clone()).await;
    let (elsewhere, there) = membership("Another", true);
    store.put_member(somebody_else, elsewhere.clone(), there).await;
    assert_eq!(answer(store.belongings(person).await, rule), [bakery.clone(), works.clone()], "{rule}");
    let rule = "a member holds what the roles of that membership hold";
    assert_eq!(in_order(answer(store.member(person, works.id).await, rule)), Some(at_works), "{rule}");
    assert_eq!(in_order(answer(store.member(person, bakery.id).await, rule)), Some(at_bakery), "{rule}");
    let rule = "who does not belong to an organization is no member of it";
    assert_eq!(answer(store.member(somebody_else, works.id).await, rule), None, "{rule}");
    assert_eq!(answer(store.member(person, elsewhere.id).await, rule), None, "{rule}");
    assert_eq!(answer(store.member(person, Id::new(NOW, random())).await, rule), None, "{rule}");
}

/// What a member holds is as it is now.
pub async fn a_member_is_what_they_are_now<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let (works, member) = membership("Works", true);
    store.put_member(scene.subject.id, works.clone(), member).await;
    let nothing = Member { organization_id: works.id, roles: Vec::new(), permissions: Vec::new() };
    store.put_member(scene.subject.id, works.clone(), nothing.clone()).await;
    let rule = "a member is what they are now";
    assert_eq!(answer(store.member(scene.subject.id, works.id).await, rule), Some(nothing), "{rule}");
}

/// The organization that a person acts for stays with code, family and opaque token.
pub async fn the_organization_stays_with_what_is_issued<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let works = joined(store, &scene).await;
    let issued = acting(store, &scene, works).await;
    let rule = "code, family and access token say for which organization they act";
    let code = answer(store.code(&issued.code.hash).await, rule);
    assert_eq!(code.map(|read| read.code.organization_id), Some(Some(works)), "{rule}");
    let refresh = answer(store.refresh_token(&issued.refresh.hash).await, rule);
    assert_eq!(refresh.map(|read| read.family.organization_id), Some(Some(works)), "{rule}");
    let access = answer(store.access_token(&issued.access.hash).await, rule);
    assert_eq!(access.map(|(token, _)| token.organization_id), Some(Some(works)), "{rule}");
}

/// The end of a membership ends what the person has as a member of that organization, and nothing else.
pub async fn a_membership_ends_with_what_was_granted_as_a_member<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let colleague = Scene::set(store).await;
    let (works, bakery) = (joined(store, &scene).await, joined(store, &scene).await);
    let (belonging, member) = membership("Works", false);
    store
        .put_member(
            colleague.subject.id,
            Belonging { id: works, ..belonging },
            Member { organization_id: works, ..member },
        )
        .await;
    let lost = acting(store, &scene, works).await;
    let kept =
        [acting(store, &scene, bakery).await, acting(store, &colleague, works).await, scene.exchanged(store).await];
    let unused = acting_code(store, &scene, works).await;
    store.end_membership(scene.subject.id, works).await;
    let rule = "the end of a membership revokes the families in which the person acts for that organization";
    assert!(is_revoked(store, &lost).await, "{rule}");
    assert_eq!(answer(store.rotate(lost.rotation()).await, rule), Rotated::Gone, "{rule}");
    let rule = "the end of a membership forgets the codes in which the person acts for that organization";
    assert_eq!(answer(store.code(&unused).await, rule), None, "{rule}");
    let rule = "who is no member holds nothing";
    assert_eq!(answer(store.member(scene.subject.id, works).await, rule), None, "{rule}");
    let rule = "the end of a membership leaves everything else alone";
    for issued in &kept {
        assert!(!is_revoked(store, issued).await, "{rule}");
    }
}

/// An exchange at the moment in which the membership ends leaves no family that lives.
pub async fn no_family_outlives_a_membership<S: StoreUnderTest>(store: &S) {
    for _ in 0..10 {
        let scene = Scene::set(store).await;
        let works = joined(store, &scene).await;
        let mut code = scene.code();
        code.organization_id = Some(works);
        assert!(answer(store.save_code(code.clone(), None).await, "a code can be saved"), "its request is new");
        let exchange = scene.exchange(&code);
        let refresh = exchange.refresh.as_ref().map(|refresh| refresh.hash);
        let answers = at_once(2, async |number: usize| match number {
            0 => Some(store.exchange(exchange.clone()).await),
            _ => {
                store.end_membership(scene.subject.id, works).await;
                None
            }
        })
        .await;
        let rule = "an exchange comes before the end of the membership, and its family ends, or it is for nothing";
        for exchanged in answers.into_iter().flatten() {
            match answer(exchanged, rule) {
                Exchanged::Gone => {}
                Exchanged::Done => {
                    let Some(refresh) = refresh else { panic!("{rule}") };
                    let read = answer(store.refresh_token(&refresh).await, rule);
                    assert!(read.is_none_or(|read| read.family_revoked), "{rule}");
                }
                Exchanged::Replayed(_) => panic!("{rule}"),
            }
        }
    }
}

/// Makes the scene's person a member of a new organization.
async fn joined<S: StoreUnderTest>(store: &S, scene: &Scene) -> Id<Organization> {
    let (belonging, member) = membership("Works", true);
    let id = belonging.id;
    store.put_member(scene.subject.id, belonging, member).await;
    id
}

async fn acting<S: StoreUnderTest>(store: &S, scene: &Scene, organization: Id<Organization>) -> Issued {
    scene.exchanged_with(store, |code| code.organization_id = Some(organization)).await
}

async fn acting_code<S: StoreUnderTest>(store: &S, scene: &Scene, organization: Id<Organization>) -> SecretHash {
    let mut code = scene.code();
    code.organization_id = Some(organization);
    assert!(answer(store.save_code(code.clone(), None).await, "a code can be saved"), "its request is new");
    code.hash
}

async fn is_revoked<S: StoreUnderTest>(store: &S, issued: &Issued) -> bool {
    let rule = "a family is remembered after its membership";
    let access = answer(store.access_token(&issued.access.hash).await, rule);
    access.is_none_or(|(_, standing)| standing.family_revoked)
}
