# Sourced by scripts. A script names what it needs, then calls install_missing.
#
#   need PACKAGE... -- TEST...     the packages are missing unless the command TEST succeeds
#   install_missing                installs what is missing (root), or prints the command and exits 2
#   need_rust                      the Rust toolchain with rustfmt and clippy; never installed here

missing_packages=()

need() {
    local packages=()
    while [ "$1" != -- ]; do packages+=("$1"); shift; done
    shift
    "$@" >/dev/null 2>&1 || missing_packages+=("${packages[@]}")
}

install_missing() {
    [ "${#missing_packages[@]}" -gt 0 ] || return 0
    local install=(apt-get install -y --no-install-recommends "${missing_packages[@]}")
    if [ "$(id -u)" != 0 ]; then
        echo "missing here; this installs it: sudo ${install[*]}" >&2
        exit 2
    fi
    command -v apt-get >/dev/null || { echo "missing here, and no apt-get: ${missing_packages[*]}" >&2; exit 2; }
    echo "installing ${missing_packages[*]}"
    # Installed services are not started: what the tests need they start themselves, and stop again.
    local policy=/usr/sbin/policy-rc.d made=
    [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod +x "$policy"; made=yes; }
    local failed=
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive "${install[@]}" -qq >/dev/null; } || failed=yes
    [ -z "$made" ] || rm -f "$policy"
    [ -z "$failed" ] || { echo "could not be installed: ${missing_packages[*]}" >&2; exit 2; }
    missing_packages=()
    hash -r
}

need_rust() {
    command -v cargo >/dev/null || { echo "cargo is missing: install the Rust toolchain (https://rustup.rs)" >&2; exit 2; }
    { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1 ||
        { echo "rustfmt or clippy is missing: rustup component add rustfmt clippy" >&2; exit 2; }
    need gcc libc6-dev -- command -v cc
}

need_python() { need python3 python3-venv -- python3 -c 'import ensurepip, venv'; }

# The programs of the senders in docs/webhooks.md.
need_senders() {
    need nodejs -- node -e 'fetch'
    need curl -- command -v curl
    need openssl -- command -v openssl
}

need_rabbitmq() {
    need rabbitmq-server -- test -x /usr/lib/rabbitmq/bin/rabbitmq-server
}

need_postgres() { need postgresql -- postgres_bin; }

# The folder of the newest PostgreSQL server's programs.
postgres_bin() {
    local server
    server=$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1)
    [ -x "$server" ] || server=$(command -v postgres) || return 1
    dirname "$server"
}
