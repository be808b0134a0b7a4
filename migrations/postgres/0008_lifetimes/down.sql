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
    e.not_before,
    c.id
FROM clients c
JOIN users u ON u.environment_id = c.environment_id
JOIN authorities a ON a.environment_id = u.environment_id AND a.user_id = u.id
JOIN environments e ON e.id = c.environment_id;

ALTER TABLE environments DROP COLUMN refresh_absolute_ttl;
ALTER TABLE environments DROP COLUMN refresh_grace;
ALTER TABLE environments DROP COLUMN code_ttl;
