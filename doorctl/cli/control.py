"""``doorctl status``, ``unlock``, ``hold-open``, ``lockdown`` and ``reload``: the running door, commanded."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.text import Text

from doorctl.cli.output import (
    DataOption,
    JsonOption,
    console,
    emit,
    event_line,
    tell_error,
)
from doorctl.errors import DoorctlError, NoAnswerError, NotPermittedError, NotRunningError
from doorctl.paths import runtime_dir

if TYPE_CHECKING:
    from doorctl.app.control_wire import Request
    from doorctl.app.settings import Settings

WATCH_SECONDS = 1.0

LONGEST_CLOCK = 12 * 3600.0
"""A time of day that is further away is taken for one that has gone by."""


def add_to(app: typer.Typer) -> None:
    app.command("status", epilog="Example: doorctl status --watch")(status)
    app.command("unlock", epilog="Example: doorctl unlock --seconds 10")(unlock)
    app.command(
        "hold-open", epilog="Examples: doorctl hold-open --until 17:00; doorctl hold-open --until off"
    )(hold_open)
    app.command("lockdown", epilog="Examples: doorctl lockdown on; doorctl lockdown off")(lockdown)
    app.command("reload", epilog="Example: doorctl reload")(reload)


def runtime_of(context: typer.Context, data: Path | None) -> Path:
    """Where the daemon listens. No configuration is read: a broken one must keep nobody from commanding."""
    before = context.find_root().obj or (None, None)
    return runtime_dir(data or before[1])


def obeyed(
    place: Path,
    request: Request,
    directly: Callable[[Settings], Mapping[str, Any]],
    settings: Callable[[], Settings],
) -> Mapping[str, Any]:
    """Have the running daemon do something, or do it here if none listens.

    Args:
        place: where the daemon listens.
        request: what is wanted.
        directly: does it here.
        settings: asked for only then.

    Raises:
        DoorctlError: either cannot.
    """
    from doorctl.app.control_client import STORE_SECONDS, ask
    from doorctl.store.opened import FILE

    try:
        return ask(place, request, STORE_SECONDS)
    except NotRunningError:
        return directly(settings())
    except NotPermittedError:
        found = settings()
        if not os.access(found.data / FILE, os.W_OK):
            raise
        return directly(found)  # whoever may write there needs no leave


def tell(reply: Mapping[str, Any], as_json: bool) -> None:
    """Say what an order came to."""
    if as_json:
        emit(reply)
        return
    for sentence in reply["said"]:
        console().print(Text(sentence))
    for warning in reply.get("warnings", ()):
        tell_error(DoorctlError(warning))


def status(
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on, once a second.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how the running door stands. Exit code 3 if no daemon runs."""
    from doorctl.app.control_client import ask
    from doorctl.app.control_wire import Status

    place = runtime_of(context, data)
    if as_json or not (watch and console().is_terminal):
        while True:
            fields = ask(place, Status())
            if as_json:
                emit(fields)
            else:
                console().print(describe(fields))
            if not watch:
                return
            time.sleep(WATCH_SECONDS)
    from rich.live import Live

    with Live(console=Console(highlight=False, markup=False), auto_refresh=False) as live:
        while True:
            try:
                shown = describe(ask(place, Status()))
            except NoAnswerError as error:  # it may be busy for a moment
                shown = describe({"error": error.message})
            live.update(shown, refresh=True)
            time.sleep(WATCH_SECONDS)


def describe(fields: Mapping[str, Any]) -> Text:
    """How a door stands, for people."""
    if "error" in fields:
        return _line("daemon", Text(fields["error"], style="red"))
    alarms = fields["alarms"]
    return Text("\n").join(
        _line(name, words)
        for name, words in (
            ("door", _door(fields)),
            ("alarms", Text(", ".join(alarms), style="bold red") if alarms else Text("none")),
            ("people", Text(_people(fields))),
            ("threshold", Text(f"{fields['threshold']:.2f}, {fields['nets']} set of nets")),
            ("liveness", _liveness(fields)),
            ("camera", _fine(fields["camera"], "no picture comes")),
            ("folder", _fine(fields["folder"], fields["folder_fault"])),
            ("last event", _last(fields["last_event"])),
            ("daemon", Text(_daemon(fields))),
        )
    )


def _line(name: str, words: Text) -> Text:
    return Text.assemble((f"{name:<12}", "dim"), words)


def _door(fields: Mapping[str, Any]) -> Text:
    from doorctl.app.status import wall_clock

    words = Text("locked", style="bold")
    if until := fields["held_open_until"]:
        words = Text(f"held open until {wall_clock(until)}", style="bold yellow")
    elif fields["state"] == "released":
        words = Text(f"released for {fields['released_seconds']:g} s more", style="bold green")
    if down := fields["lockdown"]:
        words.append("; ")
        words.append("locked down", style="bold red")
        if down["by"] == "operator":
            words.append(" by an operator's word, until 'doorctl lockdown off'")
        else:
            left = (
                f"for {down['seconds']:.0f} s more" if down["seconds"] else "until 'doorctl lockouts clear'"
            )
            words.append(f" after failed attempts, {left}")
            words.append("; known people pass by a challenge" * down["known_people_pass"])
    return words


def _people(fields: Mapping[str, Any]) -> str:
    denied = fields["denied"]
    return f"{fields['people']}{f', of whom denied {denied}' if denied else ''}"


def _liveness(fields: Mapping[str, Any]) -> Text:
    warning = fields["liveness_warning"]
    return Text.assemble(fields["liveness"], (f": {warning}" if warning else "", "yellow"))


def _fine(state: str, fault: str) -> Text:
    good = state in ("ok", "off")
    return Text(state if good else f"{state}: {fault}", style="" if good else "bold red")


def _last(event: Mapping[str, Any] | None) -> Text:
    from doorctl.app.status import wall_clock

    return (
        Text("none") if event is None else event_line({**event, "time": wall_clock(event["time"], day=True)})
    )


def _daemon(fields: Mapping[str, Any]) -> str:
    from doorctl.app.status import wall_clock

    since = wall_clock(fields["since"], day=True)
    return f"doorctl {fields['version']}, process {fields['pid']}, running since {since}"


def unlock(
    context: typer.Context,
    seconds: Annotated[
        float | None,
        typer.Option(help="How long; otherwise as long as for anybody.", min=1, max=600, metavar="N"),
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release the door once, for at most control.max_unlock_seconds. The event names you."""
    from doorctl.app.control_client import ask
    from doorctl.app.control_wire import Unlock

    tell(ask(runtime_of(context, data), Unlock(seconds=seconds)), as_json)


def hold_open(
    context: typer.Context,
    until: Annotated[
        str, typer.Option(help="A time such as 17:00, a while such as 2h or 30m, or off.", metavar="WHEN")
    ],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold the door open for a while, at most control.max_hold_hours, or no longer. The event names you."""
    from doorctl.app.control_client import ask
    from doorctl.app.control_wire import HoldOpen

    seconds = 0.0 if until == "off" else seconds_until(until, datetime.now().astimezone())
    tell(ask(runtime_of(context, data), HoldOpen(seconds=seconds)), as_json)


def seconds_until(text: str, now: datetime) -> float:
    """How long it is until the next '17:00', or how long '2h', '30m' or '90s' are: 1 second to 24 hours.

    Args:
        text: what was asked for.
        now: the time, aware, in the machine's zone.

    Raises:
        typer.BadParameter: it is neither, nothing, too long, or a time that has just gone by.
    """
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    try:
        if text[-1:] in units:
            seconds = float(text[:-1]) * units[text[-1]]
        else:
            clock = datetime.strptime(text, "%H:%M").time()
            days = (datetime.combine(now.date() + timedelta(days=n), clock).astimezone() for n in (0, 1))
            seconds = next((end - now).total_seconds() for end in days if end > now)
            if seconds > LONGEST_CLOCK:
                hours = f"{seconds / 3600:.1f}h"
                raise typer.BadParameter(f"the next {text} is {hours} from now: say {hours} if that is meant")
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither like 17:00, 2h or 30m, nor off") from None
    if not 1 <= seconds <= 86400:
        raise typer.BadParameter(f"{text!r} is not between 1s and 24h")
    return seconds


def lockdown(
    context: typer.Context,
    what: Annotated[Literal["on", "off"], typer.Argument(help="on or off.", metavar="on|off")],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let nobody in, known or not, until this is switched off; it outlives a restart. The ways out stay."""
    from doorctl.app.control_client import ask
    from doorctl.app.control_wire import Lockdown

    tell(ask(runtime_of(context, data), Lockdown(on=what == "on")), as_json)


def reload(context: typer.Context, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Have the running daemon read its configuration again. A wrong one is told, and changes nothing."""
    from doorctl.app.control_client import ask
    from doorctl.app.control_wire import Reload

    tell(ask(runtime_of(context, data), Reload()), as_json)
