"""``doorctl backup`` and ``restore``: everything that a door is, in one file that a passphrase opens."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from doorctl.cli.output import (
    ConfigOption,
    DataOption,
    JsonOption,
    console,
    emit,
    settings_of,
    warn,
)
from doorctl.errors import BackupError

if TYPE_CHECKING:
    from doorctl.app.backup import Backup
    from doorctl.app.restore import Present, Restored

PassphraseOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help="Take the passphrase from this file's first line, or from standard input (-); do not ask.",
    ),
]


def add_to(app: typer.Typer) -> None:
    app.command("backup", epilog="Example: doorctl backup /media/stick/door-2026-01-31.age")(backup)
    app.command("restore", epilog="Example: doorctl restore /media/stick/door-2026-01-31.age")(restore)


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to write it.", metavar="FILE")],
    passphrase_file: PassphraseOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write people, templates, events, configuration and Dropbox's token into one encrypted file.

    The daemon may run. What it takes to move to another Pi is in the file, but for the nets ('doorctl
    models install') and the key that templates are encrypted with here; a passphrase of at least 12
    characters protects it, and nobody can open it without. It is an age file: 'age -d FILE | tar x' opens
    it, too. It holds everyone who is enrolled now: keep backups no longer than you need them.
    """
    from doorctl.app.backup import pack, record, take
    from doorctl.app.locked_file import check_passphrase, write_locked
    from doorctl.app.state import open_store

    settings = settings_of(context, config, data)
    with open_store(settings, create=False) as store:
        passphrase = _passphrase(passphrase_file, new=True)
        check_passphrase(passphrase)
        taken = take(settings, store)
        size = write_locked(file, pack(taken), passphrase)
        record(store, taken)
    manifest = taken.manifest
    if as_json:
        emit({"file": str(file), "bytes": size, "people": manifest.people, "event": manifest.event})
        return
    people = _people(manifest.people)
    console().print(f"written: {file} ({people}, events up to {manifest.event}, {size / 1e6:.1f} MB)")
    console().print("nobody can open it without its passphrase: keep that elsewhere")


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="What 'doorctl backup' wrote.", metavar="FILE")],
    passphrase_file: PassphraseOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Even if its chain of events is broken.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup in the place of what is here; the daemon must not run.

    All of it is checked before anything is changed. If this is the door that it was taken from, its events
    stay as they are now, whoever was forgotten since is not brought back, and whoever was denied since
    stays denied. The configuration and other files are only written where there are none. Templates are
    encrypted with the key that is here; the database that was here is overwritten.
    """
    from doorctl.app.backup import unpack
    from doorctl.app.locked_file import read_locked
    from doorctl.app.place import only_one
    from doorctl.app.restore import present
    from doorctl.app.restore import restore as put_back

    settings = settings_of(context, config, data)
    before = present(settings)
    if before is not None:
        with only_one(settings):  # to say so before a passphrase is asked for
            pass
    read = unpack(read_locked(file, _passphrase(passphrase_file, new=False)))
    if before is not None and not yes:
        typer.confirm(_question(read, before), abort=True)
    named = data or (context.find_root().obj or (None, None))[1]
    done = put_back(settings, read, data=named, force=force)
    if as_json:
        emit(_fields(done))
    else:
        _tell(read, done)


def _question(read: Backup, before: Present) -> str:
    made = f"{read.manifest.made.astimezone():%Y-%m-%d %H:%M}"
    here = f"damaged: {before.fault}" if before.fault else _people(before.people)
    return f"Replace what is here ({here}) by the backup of {made} ({_people(read.manifest.people)})?"


def _fields(done: Restored) -> dict[str, object]:
    return {
        "people": done.people,
        "replaced": done.replaced,
        "events_stay": done.merged.continues,
        "not_brought_back": list(done.merged.forgotten),
        "still_denied": list(done.merged.denied),
        "fault": done.fault,
        "encrypted": bool(done.encrypted),
        "written": [str(file) for file in done.written],
        "left_as_they_were": [str(file) for file in done.kept],
    }


def _tell(read: Backup, done: Restored) -> None:
    out = console()
    made = f"{read.manifest.made.astimezone():%Y-%m-%d %H:%M}"
    out.print(f"restored as of {made}: {_people(done.people)}")
    if done.merged.forgotten:
        numbers = ", ".join(f"#{number}" for number in done.merged.forgotten)
        out.print(f"not brought back, for they were forgotten since: {numbers}")
    if done.merged.denied:
        numbers = ", ".join(f"#{number}" for number in done.merged.denied)
        out.print(f"still denied, as they were here: {numbers}; 'doorctl people allow' lets them in")
    if done.fault:
        warn(f"the database that was here could not be read ({done.fault}): whoever was forgotten is back")
    elif done.replaced and not done.merged.continues:
        warn("the events that were here did not go on from the backup's: who was forgotten here may be back")
    for path in done.written:
        out.print(f"written: {path}")
    for path in done.kept:
        out.print(f"left as it was: {path}")
    kept = (
        f"encrypted with the key from {done.encrypted}"
        if done.encrypted
        else "not encrypted: there is no key"
    )
    out.print(f"templates are {kept}")
    out.print("next: 'doorctl check', then start the daemon")


def _people(count: int) -> str:
    return f"{count} {'person' if count == 1 else 'people'}"


def _passphrase(file: Path | None, *, new: bool) -> str:
    """The passphrase, never from the command line, where everybody on the machine could read it.

    Raises:
        BackupError: it cannot be had.
    """
    try:
        if file is None:
            if sys.stdin is None or not sys.stdin.isatty():
                raise BackupError("no passphrase", "give --passphrase-file FILE, or - for standard input")
            return str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True))
        if str(file) == "-":
            return sys.stdin.readline().rstrip("\r\n") if sys.stdin else ""
        with file.open(encoding="utf-8") as opened:
            state = os.fstat(opened.fileno())
            if stat.S_ISREG(state.st_mode) and state.st_mode & 0o077:
                warn(f"others can read the passphrase in {file}: chmod 600 {file}")
            return opened.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BackupError(
            f"the passphrase cannot be read from {file}: {error}", "name another file"
        ) from error
