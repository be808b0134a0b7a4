# What tests with foreign clients have in common; tests/clients/run and tests/browser/run read it. It installs what they
# need into target/clients, once for each lock file, and starts a server on SQLite and one on PostgreSQL, side by side.
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${PAYLENT_TEST_POSTGRES:?run it with tests/with-postgres}"
paylent=${PAYLENT_TEST_BIN:-$repository/target/debug/paylent}
tools=$repository/target/clients
clients=$repository/tests/clients
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$clients/oidc
# Of localhost's addresses the server has that of IPv4.
export NODE_OPTIONS=--dns-result-order=ipv4first

# is_installed DIRECTORY FILE...: whether it holds what these files ask for, for this Python and this Node. If not, it
# is emptied, to be marked by `mark_installed` when it is filled.
is_installed() {
    local directory=$1 sum
    sum=$({ python3 --version && node --version && cat "${@:2}"; } | sha256sum)
    if [[ -f $directory/installed && $(<"$directory/installed") = "$sum" ]]; then
        return
    fi
    rm -rf "$directory"
    mkdir -p "$directory"
    echo "$sum" >"$directory/installing"
    return 1
}

mark_installed() {
    mv "$1/installing" "$1/installed"
}

install() {
    "$repository/bin/need" clients
    mkdir -p "$tools"
    exec 9>"$tools/lock"
    flock 9
    if ! is_installed "$tools/python" "$clients/python/requirements.txt"; then
        python3 -m venv "$tools/python"
        "$tools/python/bin/pip" install --quiet --disable-pip-version-check \
            --requirement "$clients/python/requirements.txt"
        mark_installed "$tools/python"
    fi
    if ! is_installed "$tools/node" "$clients"/node/package{,-lock}.json; then
        cp "$clients"/node/package{,-lock}.json "$tools/node"
        npm --prefix "$tools/node" ci --silent --ignore-scripts
        mark_installed "$tools/node"
    fi
    # Node looks for packages beside the program.
    cp "$clients"/node/*.mjs "$clients"/oidc/*.mjs "$tools/node"
    exec 9>&-
}

fail() {
    grep -v '"level":"INFO"' "$here/log" >&2 || true
    echo "clients on $database: $*" >&2
    exit 1
}

# token ID:SECRET
token() {
    curl -fs -u "$1" -d grant_type=client_credentials -d "resource=$PAYLENT_TEST_API" "$base/oauth/token" |
        jq -r .access_token
}

# Starts a server whose bare host is the environment acme-test: *.localhost is unknown to Python and to Node.
start() {
    local port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000)) machine
    export PAYLENT_DATABASE_URL=$1 PAYLENT_LISTEN=127.0.0.1:$port PAYLENT_METRICS_LISTEN=off PAYLENT_LOG__FORMAT=json \
        PAYLENT_MASTER_KEY_FILE= PAYLENT_DEFAULT_ENVIRONMENT=acme-test PAYLENT_RATE_LIMIT__ENABLED=false
    (cd "$here" && exec "$paylent" serve) >"$here/log" 2>&1 &
    server=$!
    base=http://localhost:$port
    until curl -fs "$base/health/ready" >/dev/null; do
        kill -0 "$server" 2>/dev/null || fail "the server did not start"
        sleep 0.05
    done
    machine=$(cd "$here" &&
        "$paylent" setup --account acme --admin-email you@example.com --admin-password-stdin --json \
            <<<'correct horse battery' |
        jq -r '.environments[] | select(.handle == "acme-test") | .client_id + ":" + .client_secret')
    export PAYLENT_TEST_API=$base/api PAYLENT_TEST_TOKEN=
    PAYLENT_TEST_TOKEN=$(token "$machine")
}

# Makes a person who can sign in.
person() {
    export PAYLENT_TEST_EMAIL=ada@example.com PAYLENT_TEST_PASSWORD='correct horse battery staple'
    jq -n '{data: {type: "user", attributes: {email: env.PAYLENT_TEST_EMAIL, password: env.PAYLENT_TEST_PASSWORD,
            first_name: "Ada", last_name: "Lovelace"}}}' |
        curl -s --fail-with-body -H "Authorization: Bearer $PAYLENT_TEST_TOKEN" \
            -H 'Content-Type: application/vnd.api+json' -d @- -o "$here/person" "$PAYLENT_TEST_API/users" ||
        fail "there is nobody to sign in: $(<"$here/person")"
}

# What a test wants to be done before its server starts.
prepare() { :; }

# with_server TEST DATABASE URL, in a process of its own
with_server() {
    database=$2 here=$work/$2
    mkdir "$here"
    prepare
    start "$3"
    trap 'kill "$server" ${refuser:-} 2>/dev/null || true' EXIT
    "$1"
    kill -TERM "$server"
    wait "$server" || fail "the server did not stop with 0"
    [[ -z ${refuser:-} ]] || kill "$refuser" 2>/dev/null || true
    trap - EXIT
}

# on_both TEST: runs a function against a server on each database.
on_both() {
    local name=clients_$$ sqlite postgres failed=0
    work=$(mktemp -d /tmp/paylent-clients.XXXXXX)
    trap 'jobs -p | xargs -r kill 2>/dev/null || true; rm -rf "$work"' EXIT
    psql -q "$PAYLENT_TEST_POSTGRES" -c "CREATE DATABASE $name"
    with_server "$1" sqlite "sqlite:$work/sqlite/data/paylent.db" &
    sqlite=$!
    with_server "$1" postgres "${PAYLENT_TEST_POSTGRES%/*}/$name" &
    postgres=$!
    wait "$sqlite" || failed=1
    wait "$postgres" || failed=1
    psql -q "$PAYLENT_TEST_POSTGRES" -c "DROP DATABASE $name"
    return "$failed"
}
