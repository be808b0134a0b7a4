//! The suite that every [`Store`] must pass. A failed assertion names the rule that was broken.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! paylent_oauth::conformance::suite(paylent_oauth::MemoryStore::default()).await;
//! # }
//! ```

pub mod access_tokens;
pub mod applications;
mod at_once;
pub mod clients;
pub mod codes;
pub mod connections;
pub mod families;
mod fixtures;
pub mod introspection;
pub mod keys;
pub mod machines;
pub mod members;
mod scene;
pub mod sessions;
pub mod standing;

use std::future::Future;

use paylent_domain::{
    Id, Timestamp, application::Connection, organization::Organization, scope::Scopes, session::Session, user::User,
};

use crate::{
    keyring::GeneratedKey,
    store::{Application, Belonging, Machine, Member, Profile, Store, Subject},
};

/// A store under test, with the writes that a host makes by other ways than the engine.
///
/// The suite names everything it makes at random and never removes it, so the store need not be empty and may be used
/// again; but nobody else may add or deactivate keys, or set the cut-off, while it runs.
pub trait StoreUnderTest: Store {
    /// Makes a client with its user and grants exist as described (the grants' resource servers and scopes too);
    /// replaces what an earlier call with the same `client_id` described, and keeps the tokens issued to it and its
    /// right to introspect. `primary_kid` is ignored.
    ///
    /// In a store where permissions come from roles, *each* described role holds *all* described permissions; a
    /// permission may exist already. A machine with an ownership is an organization's, which exists from then on; its user
    /// has no rights. Two machines never share a user or a role; where they share a resource server,
    /// both describe it alike.
    fn put_machine(&self, machine: Machine) -> impl Future<Output = ()> + Send;
    /// Makes a client that people use exist as described, with its resource server if it comes with one; replaces what
    /// an earlier call with the same `client_id` described, and keeps its codes, families, tokens and consents. An
    /// application is never described as a machine too. One with an ownership is an organization's, which exists from then
    /// on; of that, what is described anew is only its permissions.
    fn put_application(&self, application: Application) -> impl Future<Output = ()> + Send;
    /// Makes a person exist as described, or replaces what an earlier call described. Roles and permissions are as in
    /// [`put_machine`](Self::put_machine); a `profile.updated_at` that the store sets itself may differ.
    fn put_person(&self, subject: Subject, profile: Profile) -> impl Future<Output = ()> + Send;
    /// Makes a session of this person that ends at this moment and was not ended before.
    fn put_session(&self, id: Id<Session>, user_id: Id<User>, expires_at: Timestamp)
    -> impl Future<Output = ()> + Send;
    /// Leaves a connection no more than these scopes, as those would that it is for.
    fn narrow_connection(&self, id: Id<Connection>, scopes: &Scopes) -> impl Future<Output = ()> + Send;
    /// Withdraws a connection, as those would that it is for.
    fn disconnect(&self, id: Id<Connection>) -> impl Future<Output = ()> + Send;
    /// Withdraws what the person agreed to let the client do, as they would on their page.
    fn withdraw_consent(&self, user_id: Id<User>, client_id: &str) -> impl Future<Output = ()> + Send;
    /// Makes a person a member of an organization, which is as described if it is new; replaces what an earlier call described for the two.
    /// Roles and permissions are as in [`put_machine`](Self::put_machine).
    fn put_member(&self, user_id: Id<User>, belonging: Belonging, member: Member) -> impl Future<Output = ()> + Send;
    /// Ends a membership, as the organization would.
    fn end_membership(&self, user_id: Id<User>, organization_id: Id<Organization>) -> impl Future<Output = ()> + Send;
    /// Adds an active signing key, which becomes the primary one: it counts as newer than all before it. Its public
    /// key is of the right form, its private key is not a key.
    fn add_key(&self, key: GeneratedKey) -> impl Future<Output = ()> + Send;
    /// Lets these clients, and no longer those of an earlier call, introspect tokens for this audience that were issued
    /// to others. The clients exist, and so does the audience: an earlier [`put_machine`](Self::put_machine) described
    /// a grant for it.
    fn set_introspection_clients(&self, audience: &str, client_ids: &[&str]) -> impl Future<Output = ()> + Send;
    /// Stops accepting the signatures of a key (another active key exists).
    fn deactivate_key(&self, kid: &str) -> impl Future<Output = ()> + Send;
    /// Kills all tokens issued before this moment.
    fn set_not_before(&self, moment: Timestamp) -> impl Future<Output = ()> + Send;
}

/// Runs every check, one after the other.
///
/// # Panics
/// At the first rule that the store breaks.
pub async fn suite<S: StoreUnderTest>(store: S) {
    machines(&store).await;
    people(&store).await;
}

/// Clients, keys, and the tokens of machines.
async fn machines<S: StoreUnderTest>(store: &S) {
    clients::an_unknown_client_is_none(store).await;
    clients::client_ids_are_compared_byte_for_byte(store).await;
    clients::a_client_comes_back_with_every_field(store).await;
    clients::a_public_client_has_no_secret(store).await;
    clients::an_inactive_client_is_returned(store).await;
    clients::a_client_described_anew_is_replaced(store).await;

    machines::a_machine_comes_back_with_every_field(store).await;
    machines::a_machine_may_have_no_user_and_no_grants(store).await;
    machines::an_inactive_user_is_returned(store).await;
    machines::a_permission_held_through_two_roles_is_named_once(store).await;
    machines::names_are_data(store).await;
    machines::allowed_scopes_may_be_all_none_or_some(store).await;
    machines::a_grant_belongs_to_one_client(store).await;
    machines::a_machine_described_anew_is_replaced(store).await;

    keys::an_unknown_key_is_none(store).await;
    keys::a_key_comes_back_as_it_was_stored(store).await;
    keys::an_inactive_key_is_still_found(store).await;
    keys::the_newest_active_key_is_primary(store).await;
    keys::active_keys_are_published_newest_first(store).await;

    access_tokens::an_unknown_token_is_none(store).await;
    access_tokens::a_token_comes_back_with_every_field(store).await;
    access_tokens::a_token_may_never_expire_and_have_no_scopes(store).await;
    access_tokens::an_expired_token_is_still_returned(store).await;
    access_tokens::a_deleted_token_is_unknown_and_others_stay(store).await;
    access_tokens::deleting_twice_is_as_good_as_once(store).await;

    standing::tokens_of_an_active_client_and_user_are_in_good_standing(store).await;
    standing::a_client_that_may_not_act_is_seen_at_once(store).await;
    standing::a_user_that_may_not_act_is_seen_at_once(store).await;
    standing::raised_generations_are_seen_at_once(store).await;
    standing::another_machine_changes_nothing(store).await;
    standing::a_signed_token_of_an_unknown_client_is_none(store).await;
    standing::an_unknown_user_may_not_act(store).await;
    standing::a_key_counts_only_while_it_is_active(store).await;
    standing::a_denied_token_is_denied_and_no_other(store).await;
    standing::denying_twice_is_as_good_as_once(store).await;
    standing::the_cut_off_is_the_last_one_set(store).await;

    connections::static_tokens_are_counted(store).await;

    introspection::nobody_may_introspect_until_allowed(store).await;
    introspection::the_right_is_one_clients_for_one_audience(store).await;
    introspection::clients_and_audiences_are_compared_byte_for_byte(store).await;
    introspection::a_client_described_anew_keeps_the_right(store).await;
    introspection::the_clients_are_the_last_ones_set(store).await;
}

/// Applications, and what people let them do.
async fn people<S: StoreUnderTest>(store: &S) {
    applications::an_application_comes_back_with_every_field(store).await;
    applications::an_application_is_what_it_is_now(store).await;
    applications::the_resource_server_is_the_one_asked_about(store).await;
    applications::an_unknown_application_is_none(store).await;
    applications::a_profile_comes_back_with_every_field(store).await;

    codes::a_code_comes_back_with_every_field(store).await;
    codes::a_code_may_be_for_no_resource_server(store).await;
    codes::an_unknown_code_is_none(store).await;
    codes::a_request_is_answered_with_one_code(store).await;
    codes::a_consent_is_what_was_saved_last(store).await;
    codes::a_withdrawn_consent_is_gone_with_its_codes(store).await;
    codes::wrong_verifiers_are_counted(store).await;
    codes::the_parties_are_as_they_are_now(store).await;
    codes::the_primary_key_and_the_cut_off_come_along(store).await;
    codes::a_code_shows_when_its_session_ends(store).await;

    members::a_person_belongs_where_they_are_a_member(store).await;
    members::a_member_is_what_they_are_now(store).await;
    members::the_organization_stays_with_what_is_issued(store).await;
    members::a_membership_ends_with_what_was_granted_as_a_member(store).await;
    members::no_family_outlives_a_membership(store).await;

    connections::an_application_shows_what_binds_it(store).await;
    connections::a_consent_to_an_application_is_one_connection(store).await;
    connections::a_code_lives_by_a_connection_that_covers_it(store).await;
    connections::an_answer_is_about_what_was_asked(store).await;
    connections::a_party_has_one_connection(store).await;
    connections::a_narrowed_connection_is_seen_at_once(store).await;
    connections::a_connection_ends_with_its_tokens(store).await;
    connections::a_membership_ends_with_the_persons_own_connection(store).await;
    connections::a_connection_outlives_its_session(store).await;

    families::an_exchange_saves_everything(store).await;
    families::an_exchange_may_save_a_family_alone(store).await;
    families::a_code_is_exchanged_once(store).await;
    families::a_code_that_is_gone_is_exchanged_for_nothing(store).await;
    families::a_rotation_saves_everything(store).await;
    families::moments_are_kept_to_the_microsecond(store).await;
    families::a_refresh_token_is_used_once(store).await;
    families::an_unknown_refresh_token_is_none(store).await;
    families::a_revoked_family_is_dead(store).await;
    families::a_withdrawn_consent_revokes_its_families(store).await;
    families::a_revocation_outlasts_a_rotation_at_the_same_time(store).await;

    sessions::a_session_is_ended_once(store).await;
    sessions::families_end_with_their_session(store).await;
    sessions::the_listening_clients_of_a_session_are_named(store).await;
    sessions::no_family_escapes_the_end_of_its_session(store).await;
    sessions::an_assertion_is_used_once(store).await;
}
