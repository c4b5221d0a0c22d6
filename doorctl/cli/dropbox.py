"""``doorctl dropbox``: let this door into a Dropbox folder, see how it stands, and take it out again."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from doorctl.cli.output import ConfigOption, DataOption, JsonOption, console, emit, settings_of, warn
from doorctl.errors import ConfigError

if TYPE_CHECKING:
    from doorctl.app.settings import Settings

commands = typer.Typer(
    no_args_is_help=True,
    help="Let this door learn people from a Dropbox folder.",
    epilog="First steps: make an app at https://www.dropbox.com/developers/apps, put its key into "
    "photos.app_key, then 'doorctl dropbox login'.",
)
AppKeyOption = Annotated[
    str | None,
    typer.Option("--app-key", metavar="KEY", help="The Dropbox app's key, if not that of photos.app_key."),
]


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="dropbox")


def _key(settings: Settings, given: str | None) -> str:
    key = given or settings.config.photos.app_key
    if not key.isalnum() or not key.isascii():
        raise ConfigError(
            f"{key!r} is no app key" if key else "no Dropbox app key",
            "make an app at https://www.dropbox.com/developers/apps and put its key into photos.app_key",
        )
    return key


@commands.command("login", epilog="Example: doorctl dropbox login")
def login(
    context: typer.Context,
    app_key: AppKeyOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Get access to the photos: open a page in any browser, allow it, and paste the code it shows.

    The browser may be on another machine, so this works over ssh. What is asked for is to read
    files and, with photos.receipts, to write them. The token goes into the data directory,
    readable by its owner alone; run this as the user that the door runs as, or as root.
    """
    from doorctl.enrol.dropbox_account import Account, Login, scopes
    from doorctl.enrol.token import VARIABLE, find_token, save_token

    settings = settings_of(context, config, data)
    key, photos = _key(settings, app_key), settings.config.photos
    attempt = Login(key, writes=photos.receipts)
    err = console(stderr=True)
    err.print("1. On the Permissions tab of your Dropbox app, tick these and press Submit:")
    wanted = scopes(writes=photos.receipts)
    err.print(f"   {', '.join(wanted)}")
    err.print("2. Open this page in a browser, on any machine, and press Allow:")
    typer.echo(f"   {attempt.address}", err=as_json)
    err.print("3. Copy the code that it shows.")
    token, granted = attempt.finish(_ask_code())
    account = Account(key, token)
    person = account.person()
    file = save_token(settings.data, token)
    lacking = sorted(set(wanted) - set(granted))
    if as_json:
        emit({"account": person.id, "name": person.name, "email": person.email, "scopes": list(granted)})
    else:
        console().print(f"The door is let into the Dropbox of {person.name} ({person.email}).")
        console().print(f"  granted: {', '.join(granted)}")
        console().print(f"  the token is kept in {file}")
    if lacking:
        warn(f"not granted: {', '.join(lacking)}")
    if find_token(os.environ, settings.data).file is None:
        warn(f"but another token goes before it: systemd's credential, or the variable {VARIABLE}")
    if not photos.app_key:
        warn(f"put the app's key into the configuration: photos.app_key: {key}")
    account.check_folder(photos.folder)


def _ask_code() -> str:
    """A line from whoever logs in; from a terminal or a pipe alike."""
    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        console(stderr=True).print("Code: ", end="")
    return sys.stdin.readline().strip()


@commands.command("logout", epilog="Example: doorctl dropbox logout")
def logout(
    context: typer.Context,
    app_key: AppKeyOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the door's access back: the token is revoked at Dropbox, then erased here.

    Who was learnt from the folder stays known; 'doorctl people' removes them. Without a
    network nothing is erased, for then nobody could revoke the token any more.
    """
    from doorctl.enrol.dropbox_account import Account
    from doorctl.enrol.token import find_token, forget_token

    settings = settings_of(context, config, data)
    token = find_token(os.environ, settings.data)
    revoked = Account(_key(settings, app_key), token).revoke()
    erased = token.file is not None and forget_token(settings.data)
    if as_json:
        emit({"revoked": revoked, "erased": erased})
        return
    told = "The token is revoked" if revoked else "Dropbox did not know the token any more"
    console().print(f"{told}{f'; {token.file} is erased' if erased else ''}.")
    if not erased:
        warn(f"the token came from {token.origin}: take it away there")


@commands.command("status", epilog="Example: doorctl dropbox status --json")
def status(
    context: typer.Context,
    app_key: AppKeyOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask Dropbox whose account it is, whether the folder is there, and whether receipts can be written.

    Exit code 0 if photos can be learnt, 75 if Dropbox cannot be reached, 77 if something must be done.
    """
    from doorctl.enrol.dropbox_account import Account
    from doorctl.enrol.token import find_token

    settings = settings_of(context, config, data)
    photos = settings.config.photos
    token = find_token(os.environ, settings.data)
    account = Account(_key(settings, app_key), token)
    person = account.person()
    account.check_folder(photos.folder)
    writes = account.may_write()
    fields: dict[str, Any] = {
        "account": person.id,
        "name": person.name,
        "email": person.email,
        "folder": photos.folder,
        "can_write": writes,
        "receipts": photos.receipts,
        "token": token.origin,
        "in_use": photos.source == "dropbox",
    }
    if as_json:
        emit(fields)
        return
    out = console()
    out.print(f"account   {person.name} ({person.email})")
    out.print(f"folder    {photos.folder or 'all that the app may see'}")
    out.print(f"receipts  {'can' if writes else 'cannot'} be written; photos.receipts: {photos.receipts}")
    out.print(f"token     from {token.origin}")
    if photos.receipts and not writes:
        warn("no permission to write receipts: run 'doorctl dropbox login' again, or photos.receipts: false")
    if photos.source != "dropbox":
        warn(f"nothing is learnt from it: photos.source is {photos.source}")
