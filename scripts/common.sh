# Sourced by the other scripts: the virtual environment, made once and renewed when its pins change.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1

say() { printf '%s\n' "$*" >&2; }

# make_venv DIR run|dev [PYTHON]: packages by pinned version and hash, doorctl itself in place.
make_venv() {
    local dir=$1 pins=scripts/requirements/$2.txt python=${3:-python3} stamp
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        { say "doorctl needs Python 3.11 or newer; $python is older"; exit 1; }
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            say "installing python3-venv"
            apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
        else
            say "Python's venv module is missing: sudo apt install python3-venv"; exit 1
        fi
    fi
    stamp=$(cat scripts/requirements/run.txt "$pins" pyproject.toml | sha256sum)
    # The development pins contain the others, so a richer environment serves the demo too.
    for have in dev run; do
        [ "$(cat "$dir/.$have" 2>/dev/null)" = "$(cat scripts/requirements/{run,$have}.txt pyproject.toml | sha256sum)" ] || continue
        [ "$have" = "$2" ] || [ "$have" = dev ] && return
    done
    say "making $dir with $("$python" --version) and the packages pinned in $pins"
    [ -x "$dir/bin/python" ] || "$python" -m venv "$dir"
    "$dir/bin/python" -m pip install --quiet --require-hashes -r "$pins"
    "$dir/bin/python" -m pip install --quiet --no-deps --no-build-isolation -e .
    printf '%s\n' "$stamp" >"$dir/.$2"
}

# need COMMAND PACKAGE: install Debian's package where the command is missing and that can be done unasked.
need() {
    local as=() apt
    ! command -v "$1" >/dev/null && command -v apt-get >/dev/null || return 0
    [ "$(id -u)" = 0 ] || { sudo -n true 2>/dev/null && as=(sudo -n); } || return 0
    say "installing $2"
    apt=("${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get)
    { "${apt[@]}" update -qq && "${apt[@]}" install -y -qq --no-install-recommends "$2"; } >/dev/null ||
        say "$2 cannot be installed: what needs it is left out"
}

# The weights' directory beside the project, on machines that have no way to the publishers.
from_shared() { [ -d ../shared/models ] && printf '%s\n' --from ../shared/models || true; }
