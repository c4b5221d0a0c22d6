# Sourced by scripts/install: a new release in the place of the old one, or everything as it was.
#
# The new one is built beside the old one, and tried on a copy of the data while the door works on. Then the door
# is stopped for a moment: the data are set aside, the new one is tried once more, now with camera and pins, and
# one symlink is changed. Only now may it touch the real data. If it does not start, symlink, nets and data go back.
#
# What has been reached stands in $journal, so that after a power cut the next run knows whether to finish or to
# go back. At any moment either release is in force as a whole, and starts with the machine.

work=$state/.upgrade
credentials='' was_active='' excused='' old='' phase=''

# data COMMAND...: as the daemon's user, whoever may read the checkout.
data() { as_door python3 -I - "$@" <scripts/installing/data.py; }

note() {
    phase=$1
    printf '%s\n' "phase=$phase" "old=$old" "new=$release" "was_active=$was_active" >$journal.new
    sync $journal.new
    mv -fT $journal.new $journal
    sync -f $top
}

upgrade() {
    old=$1
    step "upgrade ${old#venv-} to ${release#venv-}"
    if [ -n "$dry" ]; then
        say "    try it on a copy of the data; stop the door; set the data aside; try camera and pins"
        say "    switch, start, and go back if anything fails"
        return
    fi
    trap '' HUP
    trap 'exit 130' INT TERM
    trap 'go_back $?' EXIT
    rm -rf $work
    unseal
    find_places
    if booted; then
        # One that is started again and again is to run, too.
        case $(systemctl show -P ActiveState doorctl) in
        active | activating | reloading) was_active=1 ;;
        esac
    fi
    if [ -n "$was_active" ]; then
        say "trying it on a copy of the data; the door works on"
        copy_for_trial
        judge "$release" gpio inputs camera
    fi
    note stopped
    if [ -n "$was_active" ]; then
        say "stopping the door"
        systemctl stop doorctl
    fi
    say "trying it with camera and pins"
    copy_for_trial
    as_door mkdir -p $work/before
    printf '%s\n' "${places[@]}" | as_door tee $work/before/places >/dev/null
    local number
    for number in "${!places[@]}"; do data copy "${places[number]}" "$work/before/$number"; done
    if [ -d $state/models ]; then as_door cp -al $state/models $work/before/models; fi
    judge "$release"
    note switching
    if [ -d $work/trial/models ]; then data mirror $work/trial/models $state/models; fi
    switch_to "$release"
    if booted; then systemctl daemon-reload; fi
    if [ -n "$was_active" ]; then
        say "starting the door"
        start_and_watch || die "the new version does not start" "journalctl -u doorctl says why${excused:+; \
perhaps it is what fails with the old one, too: mend that first, or stop the door before the upgrade}"
    fi
    finish
}

finish() {
    trap - EXIT INT TERM
    rm -f $journal
    rm -rf $work /run/doorctl-install.*
    say "${release#venv-} is in force"
}

# The key that templates are encrypted with, as the service gets it.
unseal() {
    [ -e $key ] || [ -e $sealed ] || return 0
    credentials=$(mktemp -d /run/doorctl-install.XXXXXX)
    chown doorctl: "$credentials"
    if [ -e $key ]; then
        install -o doorctl -m 400 $key "$credentials/doorctl.key"
    else
        (umask 077 && systemd-creds decrypt $sealed "$credentials/doorctl.key") ||
            die "the key $sealed cannot be opened here" "see systemd-creds(1)"
        chown doorctl: "$credentials/doorctl.key"
    fi
}

# Where the data are: the daemon's own directory, and another one if the configuration names it.
find_places() {
    local told
    told=$(as_door "$top/$release/bin/python" -I -c '
import sys
from doorctl.app.settings import Settings
from doorctl.errors import DoorctlError
try:
    found = Settings.find()
except DoorctlError as error:
    sys.exit(f"{error.message}\n  {error.hint}")
print(found.data, found.config.models.directory or "", sep="\n")') ||
        die "the new version cannot work with the configuration" "see above; nothing was changed"
    mapfile -t places <<<"$told"
    own_models=${places[1]-}
    places=("$state" "${places[0]}")
    [ "${places[0]}" != "${places[1]}" ] || unset 'places[1]'
}

# The data and the nets as the new version would have them, in $work/trial.
copy_for_trial() {
    local place
    rm -rf $work
    as_door mkdir -p -m 700 $work $work/trial
    for place in "${places[@]}"; do data copy "$place" $work/trial; done
    if [ -n "$own_models" ]; then return; fi
    # By links: an installation puts a new file in the place of one that it changes.
    if [ -d $state/models ]; then as_door cp -al $state/models $work/trial/models; fi
    install_models "$top/$release" --data $work/trial
}

# check RELEASE NAME [OPTION...]: what its 'doorctl check' finds, and with which exit code.
check() {
    local code=0 words=("${@:3}")
    if [ $# -gt 2 ] && [ -e $settings/doorctl.yaml ]; then words+=(--config "$settings/doorctl.yaml"); fi
    as_door "$top/$1/bin/doorctl" ${words[@]+"${words[@]}"} check --json \
        </dev/null >"$check_dir/$2" 2>"$check_dir/$2.err" || code=$?
    echo $code >"$check_dir/$2.code"
}

# judge RELEASE [PART...]: on the copy; parts that are named do not count. What fails with the old version, too,
# is no reason to stay with it: a camera may be unplugged just now.
judge() {
    local check_dir code=0
    check_dir=$(mktemp -d)
    check "$1" new --data $work/trial
    if [ "$(cat "$check_dir/new.code")" != 0 ]; then check "$old" old; fi
    python3 -I scripts/installing/data.py judge "$check_dir" "${@:2}" || code=$?
    rm -rf "$check_dir"
    case $code in
    0) ;;
    3) excused=1 ;;
    *) die "the new version does not work here" "what it said is above" ;;
    esac
}

# At every end of an upgrade but a good one.
go_back() {
    trap - EXIT
    trap '' INT TERM
    set +e
    warn "going back to ${old#venv-}"
    local number failed=
    if [ "$phase" = switching ]; then
        if booted; then systemctl stop doorctl; fi
        mapfile -t places <$work/before/places
        for number in "${!places[@]}"; do
            data restore "$work/before/$number" "${places[number]}" || failed=1
        done
        if [ -d $work/before/models ]; then data mirror $work/before/models $state/models || failed=1; fi
        switch_to "$old" >&2
        if booted; then systemctl daemon-reload; fi
    fi
    if [ -n "$was_active" ] && booted && ! systemctl is-active --quiet doorctl; then
        if start_and_watch; then
            warn "the door runs again"
        else
            warn "THE DOOR DOES NOT START: journalctl -u doorctl says why; systemd goes on trying"
        fi
    fi
    rm -rf /run/doorctl-install.*
    if [ -n "$failed" ]; then
        warn "the data as they were are in $work/before; run scripts/install again to have them put back"
        exit 1
    fi
    rm -f $journal
    rm -rf $work
    [ -n "${keep-}" ] || rm -rf "${top:?}/$release"
    warn "${old#venv-} is in force, as before"
    exit "${1:-1}"
}

# What an earlier run was in the middle of when it was killed, or when the power failed.
finish_earlier() {
    local name value new=''
    if [ ! -e $journal ]; then
        if [ -z "$dry" ]; then rm -rf $work /run/doorctl-install.*; fi
        return
    fi
    step "finish an upgrade that was cut short"
    [ -z "$dry" ] || return 0
    while IFS='=' read -r name value; do
        case $name in
        phase) phase=$value ;;
        old) old=$value ;;
        new) new=$value ;;
        was_active) was_active=$value ;;
        esac
    done <$journal
    release=$new
    if [ "$phase" = switching ] && [ "$(in_force)" = "$new" ] && works_now; then
        finish
        return
    fi
    (keep=1 go_back 0) || exit 1
    phase='' old='' was_active=''
}

works_now() {
    # Whatever has become of the door since, its data of then are not what is wanted back.
    if [ -n "$(find $journal -mmin +60)" ]; then return; fi
    if ! booted || [ -z "$was_active" ]; then return; fi
    systemctl is-active --quiet doorctl || start_and_watch
}
