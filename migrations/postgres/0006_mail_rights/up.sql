-- What environments of before lack of the Management API's rights: the permissions and scopes of its resources `mails` and
-- `environment`, and that the roles which came with them hold the permissions. And what finds mails that came to an end.

CREATE INDEX mails_done ON mails (updated_at) WHERE status <> 'queued';
CREATE INDEX mails_failed ON mails (expires_at) WHERE status = 'failed';

UPDATE permissions SET system = true
WHERE name IN ('mails:read', 'mails:update', 'environment:read', 'environment:update');

INSERT INTO permissions (environment_id, id, name, description, system, created_at, updated_at)
SELECT
    e.id,
    decode(
        lpad(to_hex((extract(epoch FROM now()) * 1000)::BIGINT), 12, '0') || '7' || substr(random.digits, 1, 3)
        || '8' || substr(random.digits, 4, 3) || substr(random.digits, 17, 12), 'hex'
    ),
    n.name, NULL, true, (extract(epoch FROM now()) * 1000000)::BIGINT, (extract(epoch FROM now()) * 1000000)::BIGINT
FROM environments e
CROSS JOIN (VALUES ('mails:read'), ('mails:update'), ('environment:read'), ('environment:update')) n (name)
CROSS JOIN LATERAL (SELECT replace(gen_random_uuid()::TEXT, '-', '') AS digits, e.id, n.name) random
WHERE NOT EXISTS (SELECT 1 FROM permissions p WHERE p.environment_id = e.id AND p.name = n.name);

INSERT INTO role_permissions (environment_id, id, role_id, permission_id, created_at)
SELECT
    r.environment_id,
    decode(
        lpad(to_hex((extract(epoch FROM now()) * 1000)::BIGINT), 12, '0') || '7' || substr(random.digits, 1, 3)
        || '8' || substr(random.digits, 4, 3) || substr(random.digits, 17, 12), 'hex'
    ),
    r.id, p.id, (extract(epoch FROM now()) * 1000000)::BIGINT
FROM roles r
JOIN permissions p ON p.environment_id = r.environment_id
CROSS JOIN LATERAL (SELECT replace(gen_random_uuid()::TEXT, '-', '') AS digits, r.id, p.id) random
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
    decode(
        lpad(to_hex((extract(epoch FROM now()) * 1000)::BIGINT), 12, '0') || '7' || substr(random.digits, 1, 3)
        || '8' || substr(random.digits, 4, 3) || substr(random.digits, 17, 12), 'hex'
    ),
    s.id, n.name, NULL, (extract(epoch FROM now()) * 1000000)::BIGINT, (extract(epoch FROM now()) * 1000000)::BIGINT
FROM resource_servers s
CROSS JOIN (VALUES ('mails:read'), ('mails:write'), ('environment:read'), ('environment:write')) n (name)
CROSS JOIN LATERAL (SELECT replace(gen_random_uuid()::TEXT, '-', '') AS digits, s.id, n.name) random
WHERE s.system
AND NOT EXISTS (
    SELECT 1 FROM scopes o
    WHERE o.environment_id = s.environment_id AND o.resource_server_id = s.id AND o.name = n.name
);
