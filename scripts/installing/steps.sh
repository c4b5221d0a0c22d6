# Sourced by scripts/install: the steps of an installation. Each looks first whether there is anything to do.
# Directories of releases stand side by side, and one symlink says which is in force: program, packages and unit
# change together, in one step.

system_packages() {
    local missing=() name hint="see above, and run this again"
    [ -z "$pi" ] || hint+="; for camera and pins a Pi needs Raspberry Pi OS: Debian has neither picamera2 nor lgpio"
    for name in python3 python3-venv tzdata systemd ${pi:+python3-picamera2 python3-lgpio}; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
    done
    if [ ${#missing[@]} = 0 ]; then same "system packages" && return; fi
    step "install system packages: ${missing[*]}"
    [ -z "$offline" ] || [ -n "$dry" ] || die "without a network these cannot be installed: ${missing[*]}" \
        "install them with apt, or run this without --offline"
    logged "apt could not read its lists" "is there a network, and is the clock right? Then run this again" \
        apt-get update -q -o APT::Update::Error-Mode=any
    logged "apt could not install ${missing[*]}" "$hint" \
        apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# A release is known by what it is made of, so that the same checkout gives the same one.
name_release() {
    local version digest
    version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' doorctl/__init__.py)
    digest=$({
        sources | LC_ALL=C sort -z | xargs -0 sha256sum
        echo "${pi:+pi }$(python3 --version 2>/dev/null)"
    } | sha256sum)
    release=venv-$version-${digest:0:10}
}

sources() {
    find doorctl pyproject.toml README.md LICENSE systemd/doorctl.service scripts/requirements/{run,pi}.txt \
        -type f ! -path '*/__pycache__/*' -print0
}

room_for_it() {
    local place need have data
    # An upgrade makes two copies of the data.
    data=$(du -sm $state 2>/dev/null | cut -f 1 || true)
    for place in "/opt 900" "/var/lib $((200 + 2 * ${data:-0}))"; do
        need=${place#* } place=${place% *}
        [ -d "$place" ] || continue
        if [ "$place" = /opt ] && [ -e "$top/$release/.whole" ]; then continue; fi
        have=$(($(df --output=avail -k "$place" | tail -n 1) / 1024))
        [ "$have" -ge "$need" ] || die "$place has room for $have MB, and $need MB are needed" \
            "make room ('sudo apt clean' is a start), and run this again"
    done
}

user() {
    local group
    put 644 root systemd/doorctl.sysusers $sysusers
    for group in doorctl video gpio audio; do
        if ! id -nG doorctl 2>/dev/null | tr ' ' '\n' | grep -qx "$group"; then
            step "make the user doorctl and its groups"
            act systemd-sysusers $sysusers
            return
        fi
    done
    same "user doorctl"
}

build() {
    local dir=$top/$release pip options=() pins=(-r scripts/requirements/run.txt)
    if [ -e "$dir/.whole" ]; then same "release ${release#venv-}" && return; fi
    if [ -e "$dir" ]; then
        step "remove what an earlier run left half finished"
        act rm -rf "$dir"
    fi
    [ -z "$pi" ] || pins+=(-r scripts/requirements/pi.txt)
    [ -z "$offline" ] || options=(--no-index --find-links "$offline")
    pip=("$dir/bin/python" -I -m pip install --quiet --no-deps --no-compile --only-binary :all: --ignore-installed)
    step "make release ${release#venv-}: a virtual environment with the pinned packages"
    act mkdir -p $top
    # libcamera and picamera2 are the system's. Of all else the release has its own, even where the system has
    # the same version: what apt changes later must not change the door.
    logged "Python's virtual environment could not be made" "see above" \
        python3 -m venv --system-site-packages "$dir"
    logged "the Python packages could not be installed" \
        "is there a network, and is the clock right? Then run this again: it goes on where it stopped" \
        "${pip[@]}" ${options[@]+"${options[@]}"} --require-hashes "${pins[@]}"
    # From a copy, for building leaves files beside the sources.
    step "install doorctl into it"
    act mkdir "$dir/source"
    if [ -z "$dry" ]; then sources | xargs -0 cp --parents -t "$dir/source"; fi
    logged "doorctl itself could not be installed" "see above" \
        "${pip[@]/:all:/:none:}" --no-index --no-build-isolation "$dir/source"
    act install -D -m 644 systemd/doorctl.service "$dir/share/doorctl/doorctl.service"
    act rm -rf "$dir/source"
    # The daemon may not write beside its code. Some packages hold files that are not for this Python.
    act "$dir/bin/python" -I -m compileall -q -j 0 "$dir/lib" >/dev/null 2>&1 || true
    logged "what was installed does not run" "the lines above say why; the door that was there still works" \
        env -C / "$dir/bin/python" -I -m doorctl --version
    if [ -n "$pi" ]; then
        # Fails where a compiled module of the system's was made for another numpy than ours.
        logged "picamera2 or lgpio cannot be loaded" "sudo apt full-upgrade, and run this again" \
            env -C / "$dir/bin/python" -I -c 'import lgpio, picamera2'
    fi
    act touch "$dir/.whole"
    act sync -f "$dir"
}

state_and_models() {
    own_directory $state 700
    own_directory $state/models 755
    install_models "$top/$release"
}

own_directory() {
    if [ "$(stat -c '%U %a' "$1" 2>/dev/null)" = "doorctl $2" ]; then same "$1" && return; fi
    step "make $1"
    act install -d -o doorctl -g doorctl -m "$2" "$1"
}

# install_models RELEASE [OPTION...]: what is there and intact is kept.
install_models() {
    local words=("$1/bin/doorctl" "${@:2}" models install ${models:+--from "$models"} ${yes:+--yes})
    if [ -n "$dry" ]; then step "install the nets" && act "${words[@]}" && return; fi
    if [ -n "$models" ] && ! as_door test -r "$models" -a -x "$models"; then
        die "the user doorctl cannot read $models" "copy it to where everybody can read it, such as /srv"
    fi
    say "the nets:"
    as_door ${offline:+env PIP_NO_INDEX=1 "PIP_FIND_LINKS=$offline"} "${words[@]}" </dev/null | sed 's/^/    /' ||
        die "the nets could not be installed" "see above, and run this again; --models DIR takes them from a folder"
}

switch_to() {
    point $top/venv "$1"
    act sync -f $top
}

configuration() {
    if [ -e $settings/doorctl.yaml ]; then same "$settings/doorctl.yaml, which is yours" && return; fi
    # Names of people stand in it, and perhaps a camera's password.
    act install -d -m 755 $settings
    put 640 doorctl config/doorctl.yaml $settings/doorctl.yaml
}

commands_and_unit() {
    local before=$changed
    point $top/bin/doorctl ../venv/bin/doorctl
    if [ -e $shortcut ] && [ "$(readlink $shortcut)" != $top/bin/doorctl ]; then
        warn "$shortcut is not ours and stays; the command is $top/bin/doorctl"
    else
        point $shortcut $top/bin/doorctl
    fi
    changed=
    point $unit $top/venv/share/doorctl/doorctl.service
    # As 'systemctl enable' would have it, but for one thing: that follows the link to the release in force now.
    point $wanted ../doorctl.service
    if [ -n "$changed" ] && booted; then act systemctl daemon-reload; fi
    changed=$before$changed
}

# Whatever is not in force goes: releases of before, and those that were never finished.
tidy() {
    local dir
    for dir in "$top"/venv-*; do
        if [ ! -d "$dir" ] || [ "${dir##*/}" = "$release" ]; then continue; fi
        step "remove ${dir##*/}"
        act rm -rf "$dir"
    done
}

start_door() {
    if ! booted; then say "not started: systemd does not run here" && return; fi
    if systemctl is-active --quiet doorctl; then same "the door, which runs" && return; fi
    step "start the door"
    [ -n "$dry" ] || start_and_watch || die "the door does not start" \
        "journalctl -u doorctl says why; 'sudo doorctl check' tries part after part"
}

# Returns once it is ready and stays so for a while.
start_and_watch() {
    systemctl reset-failed doorctl 2>/dev/null || true
    # Without the lock: a start that hangs may outlive this script, and must not keep the next one out.
    timeout 180 systemctl start doorctl 9>&- || return 1
    for _ in 1 2 3 4 5; do
        sleep 1
        [ "$(systemctl show -P ActiveState doorctl) $(systemctl show -P NRestarts doorctl)" = "active 0" ] ||
            return 1
    done
}

what_next() {
    [ -z "$dry" ] || { say "dry run: nothing was changed" && return; }
    if [ -z "$changed" ]; then say "nothing to do: all is as it should be" && return; fi
    booted && systemctl is-active --quiet doorctl && { say "done; the door runs" && return; }
    say "done. Next:
  sudoedit $settings/doorctl.yaml     camera, pins and rules
  sudo doorctl check                     tries each part
  sudo doorctl enrol 'Grace Hopper' grace.jpg
  sudo systemctl start doorctl           from now on it starts with the machine, too"
}
