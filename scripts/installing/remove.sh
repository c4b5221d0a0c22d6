# Sourced by scripts/install: taking it away again.

# remove uninstall|purge
remove() {
    local path kept=() elsewhere
    if [ "$1" = purge ] && [ -z "$dry$yes" ]; then
        warn "This erases people, templates, events, configuration and key. There is no way back."
        read -r -p "Type 'erase' to go on: " path || true
        [ "$path" = erase ] || die "nothing was removed" ""
    fi
    elsewhere=$(sed -n '/^store:/,/^[^ #]/s/^ \+directory: *\([^# ]*\).*/\1/p' $settings/doorctl.yaml 2>/dev/null || true)
    if booted && systemctl cat doorctl >/dev/null 2>&1; then
        step "stop the door, and lock it"
        act systemctl stop doorctl
    fi
    for path in $wanted $unit $shortcut $sysusers $work; do
        [ -L "$path" ] || [ -e "$path" ] || continue
        if [ "$path" = $shortcut ] && [ "$(readlink "$path")" != $top/bin/doorctl ]; then continue; fi
        step "remove $path"
        act rm -rf "$path"
    done
    if booted && [ -n "$changed" ]; then act systemctl daemon-reload; fi
    [ "$1" = uninstall ] || erase
    # Last, so that a run that is cut short finds what to go on with.
    if [ -d $top ]; then
        step "remove $top"
        act rm -rf $top
    fi
    for path in $settings $state $key $sealed; do
        if [ -e "$path" ]; then kept+=("$path"); fi
    done
    [ -z "$dry" ] || kept=()
    [ -n "$changed" ] || say "nothing of doorctl is installed here"
    if getent passwd doorctl >/dev/null && [ "$1" = uninstall ]; then kept+=("the user doorctl"); fi
    if [ ${#kept[@]} != 0 ]; then
        say "kept: $(printf '%s, ' "${kept[@]}")and what apt has installed"
        [ "$1" = purge ] || say "  scripts/install finds them again; --purge removes them, too"
    fi
    case $elsewhere in
    /*) [ ! -d "$elsewhere" ] || say "kept: $elsewhere, which the configuration named for the data" ;;
    esac
}

erase() {
    local path
    for path in $unit.d /run/doorctl $settings $state $key $sealed; do
        [ -e "$path" ] || continue
        step "erase $path"
        act rm -rf "$path"
    done
    if getent passwd doorctl >/dev/null; then
        step "remove the user doorctl"
        logged "the user doorctl could not be removed" "is something still run by it?" userdel doorctl
    fi
    if getent group doorctl >/dev/null; then
        act groupdel doorctl 2>/dev/null || true
    fi
}
