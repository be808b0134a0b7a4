DROP VIEW machines, authorities;
CREATE VIEW authorities AS
SELECT
    u.environment_id,
    u.id AS user_id,
    COALESCE(u.email, u.first_name, u.kind) AS name,
    u.active,
    u.generation,
    COALESCE((
        SELECT json_agg(r.name ORDER BY r.name)
        FROM user_roles ur
        JOIN roles r ON r.environment_id = ur.environment_id AND r.id = ur.role_id
        WHERE ur.environment_id = u.environment_id AND ur.user_id = u.id
    )::text, '[]') AS roles,
    COALESCE((
        SELECT json_agg(DISTINCT p.name)
        FROM user_roles ur
        JOIN role_permissions rp ON rp.environment_id = ur.environment_id AND rp.role_id = ur.role_id
        JOIN permissions p ON p.environment_id = rp.environment_id AND p.id = rp.permission_id
        WHERE ur.environment_id = u.environment_id AND ur.user_id = u.id
    )::text, '[]') AS permissions
FROM users u;
CREATE VIEW machines AS
SELECT
    c.environment_id,
    c.client_id,
    c.client_type,
    c.secret_hash,
    c.grant_types,
    c.token_format,
    c.access_token_ttl,
    c.active,
    c.generation,
    a.user_id,
    a.active AS user_active,
    a.generation AS user_generation,
    a.roles,
    a.permissions,
    (SELECT k.kid FROM signing_keys k WHERE k.environment_id = c.environment_id AND k.is_primary) AS primary_kid,
    COALESCE((
        SELECT json_agg(json_build_object(
            'identifier', s.identifier,
            'token_ttl', s.token_ttl,
            'scopes', COALESCE((
                SELECT json_agg(n.name) FROM scopes n
                WHERE n.environment_id = s.environment_id AND n.resource_server_id = s.id
            ), '[]'::json),
            'allowed_scopes', g.allowed_scopes::json
        ))
        FROM client_grants g
        JOIN resource_servers s ON s.environment_id = g.environment_id AND s.id = g.resource_server_id
        WHERE g.environment_id = c.environment_id AND g.client_id = c.id
    )::text, '[]') AS grants
FROM clients c
LEFT JOIN authorities a ON a.environment_id = c.environment_id AND a.user_id = c.user_id;
DROP TABLE idempotency_keys;
DROP TABLE introspection_clients;
DROP TABLE invitation_roles;
DROP TABLE invitations;
DROP TABLE sessions;
DROP INDEX users_service;
DROP INDEX users_service_email;
DROP INDEX users_inactive;
DROP INDEX users_inactive_email;
DROP INDEX clients_name;
DROP INDEX organizations_name;
DROP INDEX resource_servers_name;
DROP INDEX scopes_name_everywhere;
DROP INDEX scopes_resource_server;
DROP INDEX audit_events_action;
DROP INDEX audit_events_actor;
DROP INDEX user_roles_role;
DROP INDEX user_roles_holders;
DROP INDEX user_roles_user;
CREATE INDEX user_roles_role ON user_roles (environment_id, role_id);
DROP INDEX memberships_organization;
DROP INDEX memberships_members;
DROP INDEX memberships_user;
CREATE INDEX memberships_organization ON memberships (environment_id, organization_id);
DROP INDEX membership_roles_role;
DROP INDEX membership_roles_membership;
CREATE INDEX membership_roles_role ON membership_roles (environment_id, role_id);
DROP INDEX role_permissions_permission;
DROP INDEX role_permissions_role;
CREATE INDEX role_permissions_permission ON role_permissions (environment_id, permission_id);
DROP INDEX client_grants_resource_server;
DROP INDEX client_grants_client;
CREATE INDEX client_grants_resource_server ON client_grants (environment_id, resource_server_id);
DROP INDEX clients_user;
CREATE INDEX clients_user ON clients (environment_id, user_id);
ALTER TABLE signing_keys DROP COLUMN updated_at;
UPDATE users SET email_key = NULL WHERE kind = 'service';
ALTER TABLE environments DROP COLUMN session_ttl;
