DROP VIEW machines;
DROP VIEW audiences;
DROP VIEW parties;
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
DROP TABLE used_assertions;
DROP TABLE consents;
DROP TABLE refresh_tokens;
DROP TABLE authorization_codes;
DROP TABLE token_families;
ALTER TABLE access_tokens DROP COLUMN family_id;
ALTER TABLE sessions DROP COLUMN authenticated_at;
-- The hash of no secret: whoever signed with keys needs a secret first.
UPDATE clients SET secret_hash = decode(repeat('00', 32), 'hex'), jwks = NULL, jwks_uri = NULL
WHERE client_type = 'confidential' AND secret_hash IS NULL;
ALTER TABLE clients DROP CONSTRAINT clients_check;
ALTER TABLE clients ADD CONSTRAINT clients_check CHECK ((client_type = 'confidential') = (secret_hash IS NOT NULL));
DROP INDEX clients_origins;
ALTER TABLE clients DROP COLUMN allowed_origins;
ALTER TABLE clients DROP COLUMN jwks_uri;
ALTER TABLE clients DROP COLUMN id_token_claims;
ALTER TABLE clients DROP COLUMN jwks;
ALTER TABLE clients DROP COLUMN backchannel_logout_uri;
ALTER TABLE clients DROP COLUMN post_logout_redirect_uris;
DROP TABLE logout_deliveries;
