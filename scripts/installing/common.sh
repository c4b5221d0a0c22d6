# Sourced by scripts/install: where things go, how steps are told, and what the machine must be.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
umask 022
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

top=/opt/doorctl
state=/var/lib/doorctl
settings=/etc/doorctl
key=/etc/credstore/doorctl.key
sealed=/etc/credstore.encrypted/doorctl.key
unit=/etc/systemd/system/doorctl.service
wanted=/etc/systemd/system/multi-user.target.wants/doorctl.service
sysusers=/usr/lib/sysusers.d/doorctl.conf
shortcut=/usr/local/bin/doorctl
# What an upgrade has come to, for whoever finishes one that was cut short.
journal=$top/under-way

dry='' yes='' start='' models='' offline='' pi=auto changed=''

# Nobody may be there to read it any more; that is no reason to stop.
say() { printf '%s\n' "$*" || true; }
warn() { printf '%s\n' "$*" >&2 || true; }

# die WHAT HINT [CODE]
die() {
    warn "scripts/install: $1"
    [ -z "$2" ] || warn "  $2"
    exit "${3:-1}"
}

# step WHAT: one line for each thing that is about to change.
step() { changed=1 && say "${dry:+would }${1}"; }
same() { say "as it is: $1"; }

# act COMMAND...: carried out, or under --dry-run shown.
act() {
    if [ -n "$dry" ]; then say "    $(printf '%q ' "$@")"; else "$@"; fi
}

# logged WHAT HINT COMMAND...: its output is shown only if it fails, with what to do about it.
logged() {
    local what=$1 hint=$2 log
    shift 2
    if [ -n "$dry" ]; then act "$@" && return; fi
    log=$(mktemp)
    if "$@" >"$log" 2>&1 </dev/null; then rm "$log" && return; fi
    tail -n 15 "$log" >&2
    grep -qi 'no space left on device' "$log" && hint="the disk is full: make room, and run this again"
    rm "$log"
    die "$what" "$hint"
}

# put MODE GROUP FROM TO: a file of ours, in one step; nothing happens where it is the same already.
put() {
    local now
    now=$(stat -c '%a root:%G' "$4" 2>/dev/null || true)
    if [ "$now" = "${1#0} root:$2" ] && cmp -s "$3" "$4"; then same "$4" && return; fi
    step "write $4"
    act install -D -o root -g "$2" -m "$1" "$3" "$4.new"
    act mv -fT "$4.new" "$4"
}

# point LINK TARGET: a symlink, in one step.
point() {
    if [ "$(readlink "$1")" = "$2" ]; then same "$1 -> $2" && return; fi
    step "point $1 to $2"
    act mkdir -p "$(dirname "$1")"
    act ln -sfn "$2" "$1.new"
    act mv -fT "$1.new" "$1"
}

# Two installers at once would undo each other's work. Locks a directory that is there anyway.
alone() {
    [ -z "$dry" ] && [ -d /opt ] || return 0
    exec 9</opt
    flock --nonblock 9 || die "another scripts/install is running" "wait until it has ended"
}

# The daemon's user, in the environment that systemd would give it.
as_door() {
    (
        cd "$state"
        exec env -u DOORCTL_CONFIG -u DOORCTL_MODELS -u STATE_DIRECTORY -u RUNTIME_DIRECTORY HOME=$state \
            ${credentials:+CREDENTIALS_DIRECTORY=$credentials} PYTHONNOUSERSITE=1 PYTHONSAFEPATH=1 \
            runuser -u doorctl -- "$@"
    )
}

# Whether systemd runs here: not in a chroot, nor in most containers.
booted() { [ -d /run/systemd/system ] && ! systemd-detect-virt --quiet --chroot; }

# The release in force, such as venv-0.1.0-1f0c…; nothing if there is none.
in_force() {
    if [ -x "$top/venv/bin/doorctl" ]; then readlink "$top/venv"; fi
}

system=this
fits_machine() {
    local here
    # What the packages are of, not the kernel: a 32-bit Raspberry Pi OS may run a 64-bit kernel.
    here=$(dpkg --print-architecture 2>/dev/null) ||
        die "there is no dpkg here" "doorctl is installed on Raspberry Pi OS or Debian, 12 (Bookworm) or newer"
    case $here in
    arm64 | amd64) ;;
    armhf | armel)
        die "this system is a 32-bit one ($here), for which the nets' runtime is not made" \
            "write a 64-bit Raspberry Pi OS to the card; a Pi 3, 4, 5 or Zero 2 runs it"
        ;;
    *) die "doorctl is not made for $here" "it runs on arm64 (a Pi with a 64-bit system) and amd64" ;;
    esac
    # shellcheck source=/dev/null
    if [ -r /etc/os-release ]; then system=$(. /etc/os-release && echo "${PRETTY_NAME:-this}"); fi
    python_new_enough
    if [ "$pi" = auto ]; then
        pi=
        if grep -qsa '^Raspberry Pi' /proc/device-tree/model; then pi=1; fi
    fi
    say "$system, $here${pi:+, a Raspberry Pi}"
}

# Where there is none at all, one comes with the system packages.
python_new_enough() {
    command -v python3 >/dev/null || return 0
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "doorctl needs Python 3.11, and $system has $(python3 --version 2>&1)" \
            "install Raspberry Pi OS or Debian, 12 (Bookworm) or newer"
}
