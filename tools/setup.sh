#!/usr/bin/env bash
# Sets up what the project's commands need, then runs the command given, if any, with it on the PATH.
#   tools/setup.sh                     set up, and say what is there
#   tools/setup.sh python3 -m tools.lab status
# VIGIL_CACHE is the folder that the environment is kept in (default ~/.cache/vigil).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cache=${VIGIL_CACHE:-$HOME/.cache/vigil}
spoken=0

say() {
    spoken=1
    printf 'setup: %s\n' "$*" >&2
}

stop() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

missing_packages() {
    python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
    command -v shellcheck >/dev/null || echo shellcheck
    command -v ssh >/dev/null || echo openssh-client
    command -v curl >/dev/null || echo curl
    [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
}

install_packages() {
    local names=("$@") as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo -n)
    command -v apt-get >/dev/null || stop "these are missing and this is no Debian machine; install them: ${names[*]}"
    say "installing ${names[*]} with apt"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive sh -c '
        apt-get -qq update && apt-get -qq -y --no-install-recommends install "$@"' apt "${names[@]}" >"$cache/apt.log" 2>&1 ||
        stop "apt could not install ${names[*]}; its words are in $cache/apt.log. As root: apt-get install ${names[*]}"
}

make_venv() {
    local venv=$1
    say "making the virtual environment $venv (about 20 s)"
    rm -rf "$venv"
    python3 -m venv "$venv" || stop "python3 -m venv failed (see above)"
    "$venv/bin/python3" -m pip install --quiet --disable-pip-version-check -r requirements-test.txt ||
        stop "pip could not install requirements-test.txt (see above)"
    touch "$venv/.complete"
}

mkdir -p "$cache"
exec 9>"$cache/setup.lock"
flock 9
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    stop "found $(python3 --version 2>&1 || true), expected Python 3.11 or newer (Debian 12 has it) as python3"
mapfile -t missing < <(missing_packages)
[ "${#missing[@]}" = 0 ] || install_packages "${missing[@]}"
venv=$cache/venv-$({ cat requirements-test.txt && python3 -V; } | sha256sum | cut -c1-12)
[ -e "$venv/.complete" ] || make_venv "$venv"
exec 9>&-

if [ "$#" = 0 ]; then
    say "Python environment: $venv"
    say "$("$venv/bin/ansible" --version | head -n 1)"
    exit 0
fi
[ "$spoken" = 0 ] || say "ready"
export PATH="$venv/bin:$PATH" VIRTUAL_ENV=$venv VIGIL_CACHE=$cache
exec "$@"
