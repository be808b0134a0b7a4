DROP VIEW machines, authorities, admins;
DROP TABLE audit_events, denied_tokens, access_tokens, signing_keys, client_grants, scopes, resource_servers, clients,
    membership_roles, memberships, user_roles, role_permissions, permissions, roles, users, installation CASCADE;
DROP TABLE accounts, organizations, environments CASCADE;
