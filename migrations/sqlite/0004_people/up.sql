-- People: registration by passcode, password resets, changes of address, mail, and what is counted about them.

-- How people join and sign in here.
ALTER TABLE environments ADD COLUMN name TEXT;
ALTER TABLE environments ADD COLUMN registration_enabled BOOLEAN NOT NULL DEFAULT true;
ALTER TABLE environments ADD COLUMN session_idle_ttl BIGINT NOT NULL DEFAULT 1209600;
ALTER TABLE environments ADD COLUMN invitation_ttl BIGINT NOT NULL DEFAULT 604800;
ALTER TABLE environments ADD COLUMN password_min_length INTEGER NOT NULL DEFAULT 8;

-- The language of the mails to this person, as a tag; none while nobody knows.
ALTER TABLE users ADD COLUMN locale TEXT;

-- Mails to go out, written with what they tell of. The letter is sealed, and wiped once it is delivered or never will be.
CREATE TABLE mails (
    environment_id BLOB NOT NULL REFERENCES environments (id),
    id BLOB NOT NULL,
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('queued', 'sent', 'failed', 'expired')),
    letter BLOB,
    attempts INTEGER NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id),
    CHECK (status <> 'queued' OR letter IS NOT NULL)
);
CREATE INDEX mails_due ON mails (next_attempt_at) WHERE status = 'queued';
CREATE INDEX mails_status ON mails (environment_id, status, id);
CREATE INDEX mails_recipient ON mails (environment_id, recipient, id);

-- How often something happened lately: mails to an address, wrong passwords, invitations. A name is `what:about whom`.
CREATE TABLE counters (
    environment_id BLOB NOT NULL REFERENCES environments (id),
    name TEXT NOT NULL,
    count BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, name)
);
CREATE INDEX counters_expiry ON counters (expires_at);

-- People on their way to an account. Known by the hash of the registration's id, later by the hash of its token too.
CREATE TABLE registrations (
    environment_id BLOB NOT NULL REFERENCES environments (id),
    id_hash BLOB NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    locale TEXT,
    passcode_mac BLOB,
    attempts INTEGER NOT NULL,
    token_hash BLOB,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, id_hash),
    CONSTRAINT registrations_token UNIQUE (environment_id, token_hash)
);
CREATE INDEX registrations_email ON registrations (environment_id, email_key);
CREATE INDEX registrations_expiry ON registrations (expires_at);

-- Mailed links that let their holder choose a password once.
CREATE TABLE password_resets (
    environment_id BLOB NOT NULL,
    token_hash BLOB NOT NULL,
    user_id BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, token_hash),
    FOREIGN KEY (environment_id, user_id) REFERENCES users (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX password_resets_user ON password_resets (environment_id, user_id);
CREATE INDEX password_resets_expiry ON password_resets (expires_at);

-- Addresses that people want to have from now on, to be proved by a mailed link. One for each person.
CREATE TABLE email_changes (
    environment_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    token_hash BLOB NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, user_id),
    CONSTRAINT email_changes_token UNIQUE (environment_id, token_hash),
    FOREIGN KEY (environment_id, user_id) REFERENCES users (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX email_changes_expiry ON email_changes (expires_at);

-- Browsers in which a person signed in before: guesses made elsewhere do not lock the person out there.
CREATE TABLE known_browsers (
    environment_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    browser_hash BLOB NOT NULL,
    last_used_at BIGINT NOT NULL,
    PRIMARY KEY (environment_id, user_id, browser_hash),
    FOREIGN KEY (environment_id, user_id) REFERENCES users (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX known_browsers_use ON known_browsers (last_used_at);
