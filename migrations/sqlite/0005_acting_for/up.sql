-- Acting for an organization, and invitations that are answered by mailed links.

-- What an authorization request may call an organization, beside its id.
ALTER TABLE organizations ADD COLUMN slug TEXT;
CREATE UNIQUE INDEX organizations_slug ON organizations (environment_id, slug);

-- Whether people act for an organization at this client, when the request names none.
ALTER TABLE clients ADD COLUMN organization_usage TEXT NOT NULL DEFAULT 'none'
    CHECK (organization_usage IN ('none', 'optional', 'required'));

-- For which organization the tokens act. No foreign key: whoever ends a membership ends what was granted as a member, in
-- one order with the requests that use it.
ALTER TABLE authorization_codes ADD COLUMN organization_id BLOB;
ALTER TABLE token_families ADD COLUMN organization_id BLOB;
ALTER TABLE access_tokens ADD COLUMN organization_id BLOB;
CREATE INDEX authorization_codes_organization ON authorization_codes (environment_id, organization_id)
WHERE organization_id IS NOT NULL;
CREATE INDEX token_families_organization ON token_families (environment_id, organization_id)
WHERE organization_id IS NOT NULL;

-- The hash of the mailed token. An invitation from before there were mails has none.
ALTER TABLE invitations ADD COLUMN token_hash BLOB;

-- A member of an organization, with the names of the roles held there and of what these roles hold.
CREATE VIEW members AS
SELECT
    m.environment_id,
    m.user_id,
    m.organization_id,
    (
        SELECT json_group_array(name) FROM (
            SELECT r.name
            FROM membership_roles mr
            CROSS JOIN roles r ON r.environment_id = mr.environment_id AND r.id = mr.role_id
            WHERE mr.environment_id = m.environment_id AND mr.membership_id = m.id
            ORDER BY r.name
        )
    ) AS roles,
    (
        SELECT json_group_array(name) FROM (
            SELECT DISTINCT p.name
            FROM membership_roles mr
            CROSS JOIN role_permissions rp ON rp.environment_id = mr.environment_id AND rp.role_id = mr.role_id
            CROSS JOIN permissions p ON p.environment_id = rp.environment_id AND p.id = rp.permission_id
            WHERE mr.environment_id = m.environment_id AND mr.membership_id = m.id
            ORDER BY p.name
        )
    ) AS permissions
FROM memberships m;
