-- Acting for an organization, and invitations that are answered by mailed links.

-- What an authorization request may call an organization, beside its id.
ALTER TABLE organizations ADD COLUMN slug TEXT COLLATE "C";
CREATE UNIQUE INDEX organizations_slug ON organizations (environment_id, slug);

-- Whether people act for an organization at this client, when the request names none.
ALTER TABLE clients ADD COLUMN organization_usage TEXT COLLATE "C" NOT NULL DEFAULT 'none'
    CHECK (organization_usage IN ('none', 'optional', 'required'));

-- For which organization the tokens act. No foreign key: whoever ends a membership ends what was granted as a member, in
-- one order with the requests that use it.
ALTER TABLE authorization_codes ADD COLUMN organization_id BYTEA;
ALTER TABLE token_families ADD COLUMN organization_id BYTEA;
ALTER TABLE access_tokens ADD COLUMN organization_id BYTEA;
CREATE INDEX authorization_codes_organization ON authorization_codes (environment_id, organization_id)
WHERE organization_id IS NOT NULL;
CREATE INDEX token_families_organization ON token_families (environment_id, organization_id)
WHERE organization_id IS NOT NULL;

-- The hash of the mailed token. An invitation from before there were mails has none.
ALTER TABLE invitations ADD COLUMN token_hash BYTEA;

-- A member of an organization, with the names of the roles held there and of what these roles hold.
CREATE VIEW members AS
SELECT
    m.environment_id,
    m.user_id,
    m.organization_id,
    COALESCE((
        SELECT json_agg(r.name ORDER BY r.name)
        FROM membership_roles mr
        JOIN roles r ON r.environment_id = mr.environment_id AND r.id = mr.role_id
        WHERE mr.environment_id = m.environment_id AND mr.membership_id = m.id
    )::text, '[]') AS roles,
    COALESCE((
        SELECT json_agg(DISTINCT p.name)
        FROM membership_roles mr
        JOIN role_permissions rp ON rp.environment_id = mr.environment_id AND rp.role_id = mr.role_id
        JOIN permissions p ON p.environment_id = rp.environment_id AND p.id = rp.permission_id
        WHERE mr.environment_id = m.environment_id AND mr.membership_id = m.id
    )::text, '[]') AS permissions
FROM memberships m;
