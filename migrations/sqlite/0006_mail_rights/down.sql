DELETE FROM scopes WHERE name IN ('mails:read', 'mails:write', 'environment:read', 'environment:write')
AND resource_server_id IN (SELECT id FROM resource_servers WHERE system);
DELETE FROM permissions WHERE system
AND name IN ('mails:read', 'mails:update', 'environment:read', 'environment:update');
DROP INDEX mails_failed;
DROP INDEX mails_done;
