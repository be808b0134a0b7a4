//! The tables and views, as both migration trees make them. A test compares the three.

use diesel::{allow_tables_to_appear_in_same_query, table};

table! {
    installation (id) {
        id -> Integer,
        master_key_id -> Text,
        created_at -> BigInt,
    }
}
table! {
    environments (id) {
        id -> Binary,
        account_id -> Nullable<Binary>,
        handle -> Text,
        custom_domain -> Nullable<Text>,
        not_before -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        session_ttl -> BigInt,
        name -> Nullable<Text>,
        registration_enabled -> Bool,
        session_idle_ttl -> BigInt,
        invitation_ttl -> BigInt,
        password_min_length -> Integer,
        code_ttl -> BigInt,
        refresh_grace -> BigInt,
        refresh_absolute_ttl -> Nullable<BigInt>,
    }
}
table! {
    accounts (id) {
        id -> Binary,
        environment_id -> Binary,
        handle -> Text,
        created_at -> BigInt,
    }
}
table! {
    users (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        kind -> Text,
        email -> Nullable<Text>,
        email_key -> Nullable<Text>,
        email_verified -> Bool,
        first_name -> Nullable<Text>,
        last_name -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        active -> Bool,
        generation -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        locale -> Nullable<Text>,
    }
}
table! {
    organizations (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        name -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        slug -> Nullable<Text>,
    }
}
table! {
    roles (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        name -> Text,
        description -> Nullable<Text>,
        system -> Bool,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}
table! {
    permissions (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        name -> Text,
        description -> Nullable<Text>,
        system -> Bool,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}
table! {
    role_permissions (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        role_id -> Binary,
        permission_id -> Binary,
        created_at -> BigInt,
    }
}
table! {
    user_roles (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        user_id -> Binary,
        role_id -> Binary,
        created_at -> BigInt,
    }
}
table! {
    memberships (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        user_id -> Binary,
        organization_id -> Binary,
        created_at -> BigInt,
    }
}
table! {
    membership_roles (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        membership_id -> Binary,
        role_id -> Binary,
        created_at -> BigInt,
    }
}
table! {
    clients (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        client_id -> Text,
        name -> Text,
        client_type -> Text,
        secret_hash -> Nullable<Binary>,
        redirect_uris -> Text,
        grant_types -> Text,
        token_format -> Text,
        first_party -> Bool,
        require_pkce -> Bool,
        access_token_ttl -> Nullable<Integer>,
        active -> Bool,
        generation -> BigInt,
        user_id -> Nullable<Binary>,
        created_at -> BigInt,
        updated_at -> BigInt,
        post_logout_redirect_uris -> Text,
        backchannel_logout_uri -> Nullable<Text>,
        jwks -> Nullable<Text>,
        id_token_claims -> Bool,
        jwks_uri -> Nullable<Text>,
        allowed_origins -> Text,
        organization_usage -> Text,
    }
}
table! {
    resource_servers (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        name -> Text,
        identifier -> Nullable<Text>,
        token_ttl -> Integer,
        allow_offline_access -> Bool,
        system -> Bool,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}
table! {
    scopes (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        resource_server_id -> Binary,
        name -> Text,
        description -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}
table! {
    client_grants (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        client_id -> Binary,
        resource_server_id -> Binary,
        allowed_scopes -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}
table! {
    signing_keys (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        kid -> Text,
        algorithm -> Text,
        key_size -> Integer,
        public_jwk -> Text,
        sealed_private_key -> Binary,
        status -> Text,
        is_primary -> Bool,
        created_at -> BigInt,
        deactivated_at -> Nullable<BigInt>,
        updated_at -> BigInt,
    }
}
table! {
    access_tokens (environment_id, token_hash) {
        environment_id -> Binary,
        token_hash -> Binary,
        client_id -> Text,
        user_id -> Binary,
        audience -> Text,
        scope -> Text,
        client_generation -> BigInt,
        user_generation -> BigInt,
        issued_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        family_id -> Nullable<Binary>,
        organization_id -> Nullable<Binary>,
    }
}
table! {
    denied_tokens (environment_id, jti) {
        environment_id -> Binary,
        jti -> Text,
        expires_at -> BigInt,
    }
}
table! {
    audit_events (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        action -> Text,
        actor_type -> Text,
        actor_id -> Nullable<Text>,
        actor_name -> Text,
        targets -> Text,
        changes -> Text,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        occurred_at -> BigInt,
    }
}
table! {
    sessions (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        user_id -> Binary,
        token_hash -> Binary,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        last_activity_at -> BigInt,
        expires_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        created_at -> BigInt,
        updated_at -> BigInt,
        authenticated_at -> BigInt,
    }
}
table! {
    invitations (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        organization_id -> Binary,
        inviter_id -> Binary,
        email -> Text,
        email_key -> Text,
        status -> Text,
        expires_at -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        token_hash -> Nullable<Binary>,
    }
}
table! {
    invitation_roles (environment_id, invitation_id, role_id) {
        environment_id -> Binary,
        invitation_id -> Binary,
        role_id -> Binary,
    }
}
table! {
    introspection_clients (environment_id, resource_server_id, client_id) {
        environment_id -> Binary,
        resource_server_id -> Binary,
        client_id -> Binary,
    }
}
table! {
    idempotency_keys (environment_id, key_hash) {
        environment_id -> Binary,
        key_hash -> Binary,
        request_hash -> Binary,
        resource_id -> Binary,
        answer -> Nullable<Text>,
        locked_until -> BigInt,
        expires_at -> BigInt,
    }
}
table! {
    token_families (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        client_id -> Text,
        user_id -> Binary,
        session_id -> Binary,
        audience -> Text,
        scope -> Text,
        auth_time -> BigInt,
        amr -> Text,
        id_token_claims -> Text,
        client_generation -> BigInt,
        user_generation -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        organization_id -> Nullable<Binary>,
        connection_id -> Nullable<Binary>,
    }
}
table! {
    authorization_codes (environment_id, code_hash) {
        environment_id -> Binary,
        code_hash -> Binary,
        request_id -> Text,
        client_id -> Text,
        user_id -> Binary,
        session_id -> Binary,
        redirect_uri -> Text,
        redirect_uri_sent -> Bool,
        audience -> Text,
        scope -> Text,
        nonce -> Nullable<Text>,
        code_challenge -> Nullable<Binary>,
        auth_time -> BigInt,
        amr -> Text,
        id_token_claims -> Text,
        client_generation -> BigInt,
        user_generation -> BigInt,
        issued_at -> BigInt,
        expires_at -> BigInt,
        wrong_verifiers -> Integer,
        family_id -> Nullable<Binary>,
        organization_id -> Nullable<Binary>,
        connection_id -> Nullable<Binary>,
    }
}
table! {
    refresh_tokens (environment_id, token_hash) {
        environment_id -> Binary,
        token_hash -> Binary,
        family_id -> Binary,
        issued_at -> BigInt,
        expires_at -> BigInt,
        consumed_at -> Nullable<BigInt>,
        parameters -> Nullable<Binary>,
        response -> Nullable<Binary>,
        successor_hash -> Nullable<Binary>,
    }
}
table! {
    consents (environment_id, user_id, client_id, audience) {
        environment_id -> Binary,
        user_id -> Binary,
        client_id -> Text,
        audience -> Text,
        scope -> Text,
        created_at -> BigInt,
    }
}
table! {
    used_assertions (environment_id, client_id, jti) {
        environment_id -> Binary,
        client_id -> Text,
        jti -> Text,
        expires_at -> BigInt,
    }
}
// Views.
table! {
    authorities (environment_id, user_id) {
        environment_id -> Binary,
        user_id -> Binary,
        name -> Text,
        active -> Bool,
        generation -> BigInt,
        roles -> Text,
        permissions -> Text,
        organizations -> Text,
    }
}
table! {
    admins (environment_id, user_id) {
        environment_id -> Binary,
        user_id -> Binary,
    }
}
table! {
    applications (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        organization_id -> Binary,
        resource_server_id -> Binary,
        grant_type -> Text,
        permissions -> Text,
        ip_allow_list -> Text,
        ip_allow_list_mode -> Text,
        notification_emails -> Text,
        previous_secret_hash -> Nullable<Binary>,
        previous_secret_expires_at -> Nullable<BigInt>,
    }
}
table! {
    connections (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        application_id -> Binary,
        organization_id -> Nullable<Binary>,
        user_id -> Nullable<Binary>,
        connected_by -> Binary,
        scope -> Text,
        last_used_at -> Nullable<BigInt>,
        last_used_ip -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}
table! {
    static_tokens (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        application_id -> Binary,
        token_hash -> Binary,
        prefix -> Text,
        last_used_at -> Nullable<BigInt>,
        last_used_ip -> Nullable<Text>,
        created_at -> BigInt,
    }
}
table! {
    machines (environment_id, client_id) {
        environment_id -> Binary,
        client_id -> Text,
        client_type -> Text,
        secret_hash -> Nullable<Binary>,
        grant_types -> Text,
        token_format -> Text,
        access_token_ttl -> Nullable<Integer>,
        jwks -> Nullable<Text>,
        jwks_uri -> Nullable<Text>,
        id_token_claims -> Bool,
        active -> Bool,
        generation -> BigInt,
        user_id -> Nullable<Binary>,
        user_active -> Nullable<Bool>,
        user_generation -> Nullable<BigInt>,
        roles -> Nullable<Text>,
        permissions -> Nullable<Text>,
        primary_kid -> Nullable<Text>,
        grants -> Text,
        id -> Binary,
    }
}

table! {
    parties (environment_id, client_id, user_id) {
        environment_id -> Binary,
        client_id -> Text,
        user_id -> Binary,
        client_type -> Text,
        secret_hash -> Nullable<Binary>,
        grant_types -> Text,
        token_format -> Text,
        access_token_ttl -> Nullable<Integer>,
        jwks -> Nullable<Text>,
        jwks_uri -> Nullable<Text>,
        id_token_claims -> Bool,
        active -> Bool,
        generation -> BigInt,
        user_active -> Bool,
        user_generation -> BigInt,
        roles -> Text,
        permissions -> Text,
        first_name -> Nullable<Text>,
        last_name -> Nullable<Text>,
        email -> Nullable<Text>,
        email_verified -> Bool,
        profile_updated_at -> BigInt,
        primary_kid -> Nullable<Text>,
        not_before -> BigInt,
        id -> Binary,
        locale -> Nullable<Text>,
    }
}
table! {
    members (environment_id, user_id, organization_id) {
        environment_id -> Binary,
        user_id -> Binary,
        organization_id -> Binary,
        roles -> Text,
        permissions -> Text,
    }
}
table! {
    audiences (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        identifier -> Nullable<Text>,
        system -> Bool,
        token_ttl -> Integer,
        allow_offline_access -> Bool,
        scopes -> Text,
    }
}
table! {
    logout_deliveries (environment_id, client_id, session_id) {
        environment_id -> Binary,
        client_id -> Text,
        session_id -> Binary,
        user_id -> Binary,
        uri -> Text,
        created_at -> BigInt,
        attempts -> Integer,
        next_attempt_at -> BigInt,
    }
}
table! {
    mails (environment_id, id) {
        environment_id -> Binary,
        id -> Binary,
        kind -> Text,
        recipient -> Text,
        status -> Text,
        letter -> Nullable<Binary>,
        attempts -> Integer,
        next_attempt_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}
table! {
    counters (environment_id, name) {
        environment_id -> Binary,
        name -> Text,
        count -> BigInt,
        started_at -> BigInt,
        blocked_until -> BigInt,
        expires_at -> BigInt,
    }
}
table! {
    registrations (environment_id, id_hash) {
        environment_id -> Binary,
        id_hash -> Binary,
        email -> Text,
        email_key -> Text,
        locale -> Nullable<Text>,
        passcode_mac -> Nullable<Binary>,
        attempts -> Integer,
        token_hash -> Nullable<Binary>,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}
table! {
    password_resets (environment_id, token_hash) {
        environment_id -> Binary,
        token_hash -> Binary,
        user_id -> Binary,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}
table! {
    email_changes (environment_id, user_id) {
        environment_id -> Binary,
        user_id -> Binary,
        token_hash -> Binary,
        email -> Text,
        email_key -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}
table! {
    known_browsers (environment_id, user_id, browser_hash) {
        environment_id -> Binary,
        user_id -> Binary,
        browser_hash -> Binary,
        last_used_at -> BigInt,
    }
}

allow_tables_to_appear_in_same_query!(
    access_tokens,
    applications,
    audiences,
    audit_events,
    authorities,
    authorization_codes,
    client_grants,
    clients,
    connections,
    consents,
    counters,
    denied_tokens,
    email_changes,
    environments,
    introspection_clients,
    invitation_roles,
    invitations,
    known_browsers,
    logout_deliveries,
    machines,
    mails,
    members,
    membership_roles,
    memberships,
    organizations,
    parties,
    password_resets,
    permissions,
    refresh_tokens,
    registrations,
    resource_servers,
    role_permissions,
    roles,
    scopes,
    sessions,
    signing_keys,
    static_tokens,
    token_families,
    user_roles,
    users,
);
