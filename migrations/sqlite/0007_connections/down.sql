UPDATE resource_servers SET allow_offline_access = false WHERE system;
DELETE FROM scopes WHERE name IN (
    'application-connections:read', 'application-connections:write', 'application-connections:delete',
    'application-tokens:read', 'application-tokens:delete'
) AND resource_server_id IN (SELECT id FROM resource_servers WHERE system);
DELETE FROM permissions WHERE system AND name IN (
    'application-connections:read', 'application-connections:update', 'application-connections:delete',
    'application-tokens:read', 'application-tokens:delete'
);
DROP VIEW machines;
CREATE VIEW machines AS
SELECT
    c.environment_id,
    c.client_id,
    c.client_type,
    c.secret_hash,
    c.grant_types,
    c.token_format,
    c.access_token_ttl,
    c.jwks,
    c.jwks_uri,
    c.id_token_claims,
    c.active,
    c.generation,
    a.user_id,
    a.active AS user_active,
    a.generation AS user_generation,
    a.roles,
    a.permissions,
    (SELECT k.kid FROM signing_keys k WHERE k.environment_id = c.environment_id AND k.is_primary) AS primary_kid,
    (
        SELECT json_group_array(json_object(
            'identifier', s.identifier,
            'token_ttl', s.token_ttl,
            'scopes', json((
                SELECT json_group_array(n.name) FROM scopes n
                WHERE n.environment_id = s.environment_id AND n.resource_server_id = s.id
            )),
            'allowed_scopes', json(g.allowed_scopes)
        ))
        FROM client_grants g
        JOIN resource_servers s ON s.environment_id = g.environment_id AND s.id = g.resource_server_id
        WHERE g.environment_id = c.environment_id AND g.client_id = c.id
    ) AS grants
FROM clients c
LEFT JOIN authorities a ON a.environment_id = c.environment_id AND a.user_id = c.user_id;

DROP VIEW parties;
CREATE VIEW parties AS
SELECT
    c.environment_id,
    c.client_id,
    u.id AS user_id,
    c.client_type,
    c.secret_hash,
    c.grant_types,
    c.token_format,
    c.access_token_ttl,
    c.jwks,
    c.jwks_uri,
    c.id_token_claims,
    c.active,
    c.generation,
    a.active AS user_active,
    a.generation AS user_generation,
    a.roles,
    a.permissions,
    u.first_name,
    u.last_name,
    u.email,
    u.email_verified,
    u.updated_at AS profile_updated_at,
    (SELECT k.kid FROM signing_keys k WHERE k.environment_id = c.environment_id AND k.is_primary) AS primary_kid,
    e.not_before
FROM clients c
CROSS JOIN users u ON u.environment_id = c.environment_id
CROSS JOIN authorities a ON a.environment_id = u.environment_id AND a.user_id = u.id
CROSS JOIN environments e ON e.id = c.environment_id;

DROP TABLE static_tokens;
DROP INDEX token_families_connection;
DROP INDEX authorization_codes_connection;
ALTER TABLE token_families DROP COLUMN connection_id;
ALTER TABLE authorization_codes DROP COLUMN connection_id;
DROP TABLE connections;
-- Without its allow list an application would be a client like others.
DELETE FROM clients WHERE EXISTS (
    SELECT 1 FROM applications a WHERE a.environment_id = clients.environment_id AND a.id = clients.id
);
-- Nobody can delete a service user: it goes with its client.
DELETE FROM users WHERE kind = 'service' AND NOT EXISTS (
    SELECT 1 FROM clients c WHERE c.environment_id = users.environment_id AND c.user_id = users.id
);
DROP TABLE applications;
