-- What environments of before lack of the Management API's rights: the permissions and scopes of its resources `mails` and
-- `environment`, and that the roles which came with them hold the permissions. And what finds mails that came to an end.

CREATE INDEX mails_done ON mails (updated_at) WHERE status <> 'queued';
CREATE INDEX mails_failed ON mails (expires_at) WHERE status = 'failed';

UPDATE permissions SET system = true
WHERE name IN ('mails:read', 'mails:update', 'environment:read', 'environment:update');

INSERT INTO permissions (environment_id, id, name, description, system, created_at, updated_at)
SELECT
    e.id,
    unhex(
        printf('%012x', CAST(unixepoch('subsec') * 1000 AS INTEGER)) || '7' || substr(hex(randomblob(2)), 2)
        || '8' || substr(hex(randomblob(2)), 2) || hex(randomblob(6))
    ),
    n.name, NULL, true, CAST(unixepoch('subsec') * 1000000 AS INTEGER), CAST(unixepoch('subsec') * 1000000 AS INTEGER)
FROM environments e
CROSS JOIN (SELECT column1 AS name FROM (VALUES ('mails:read'), ('mails:update'), ('environment:read'), ('environment:update'))) n
WHERE NOT EXISTS (SELECT 1 FROM permissions p WHERE p.environment_id = e.id AND p.name = n.name);

INSERT INTO role_permissions (environment_id, id, role_id, permission_id, created_at)
SELECT
    r.environment_id,
    unhex(
        printf('%012x', CAST(unixepoch('subsec') * 1000 AS INTEGER)) || '7' || substr(hex(randomblob(2)), 2)
        || '8' || substr(hex(randomblob(2)), 2) || hex(randomblob(6))
    ),
    r.id, p.id, CAST(unixepoch('subsec') * 1000000 AS INTEGER)
FROM roles r
JOIN permissions p ON p.environment_id = r.environment_id
WHERE r.system
AND p.name IN ('mails:read', 'mails:update', 'environment:read', 'environment:update')
AND (r.name = 'admin' OR p.name LIKE '%:read')
AND NOT EXISTS (
    SELECT 1 FROM role_permissions rp
    WHERE rp.environment_id = r.environment_id AND rp.role_id = r.id AND rp.permission_id = p.id
);

INSERT INTO scopes (environment_id, id, resource_server_id, name, description, created_at, updated_at)
SELECT
    s.environment_id,
    unhex(
        printf('%012x', CAST(unixepoch('subsec') * 1000 AS INTEGER)) || '7' || substr(hex(randomblob(2)), 2)
        || '8' || substr(hex(randomblob(2)), 2) || hex(randomblob(6))
    ),
    s.id, n.name, NULL, CAST(unixepoch('subsec') * 1000000 AS INTEGER), CAST(unixepoch('subsec') * 1000000 AS INTEGER)
FROM resource_servers s
CROSS JOIN (SELECT column1 AS name FROM (VALUES ('mails:read'), ('mails:write'), ('environment:read'), ('environment:write'))) n
WHERE s.system
AND NOT EXISTS (
    SELECT 1 FROM scopes o
    WHERE o.environment_id = s.environment_id AND o.resource_server_id = s.id AND o.name = n.name
);
