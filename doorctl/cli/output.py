"""How the commands print: for people with rich, for scripts one JSON object a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from doorctl.app.settings import Settings
from doorctl.errors import DoorctlError

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="YAML file to use instead of the installed one."),
]
DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Keep everything in DIR, beside any installed daemon."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, for scripts.")]

COLOURS = {
    "AccessGranted": "green",
    "RelayOn": "green",
    "RelayOff": "green",
    "Unlocked": "green",
    "AccessDenied": "red",
    "AccessTaken": "green",
    **dict.fromkeys(("DoorForcedOpen", "DoorOpenTooLong", "Tamper", "FireAlarm"), "bold red"),
    **dict.fromkeys(("LockedOut", "LockedDown"), "red"),
    **dict.fromkeys(("CameraLost", "DoorPreAlarm", "InputFault", "PersonFallsShort"), "yellow"),
}


def implied(command: str, *, alone: bool = False) -> type[TyperGroup]:
    """A group of commands in which the name of one may be left out.

    Args:
        command: its name.
        alone: whether even nothing at all means it.
    """

    class Group(TyperGroup):
        def parse_args(self, ctx: Any, args: list[str]) -> Any:
            named = any(word in self.commands for word in args) or {"-h", "--help"} & set(args)
            return super().parse_args(ctx, args if named or not (args or alone) else [command, *args])

    return Group


def settings_of(context: typer.Context, config: Path | None, data: Path | None) -> Settings:
    """What applies to this call: a command's own options win over those before its name."""
    before = context.find_root().obj or (None, None)
    return Settings.find(config or before[0], data or before[1])


def console(*, stderr: bool = False) -> Console:
    """Standard output, or error, for people; plain text when it is not a terminal."""
    return Console(highlight=False, soft_wrap=True, markup=False, stderr=stderr)


def warn(message: str) -> None:
    """A warning that must be seen: in red, on standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(message, style="bold red"))


def tell_error(error: DoorctlError) -> None:
    err = Console(stderr=True, highlight=False, soft_wrap=True)
    err.print(Text.assemble(("doorctl: ", "bold"), (error.message, "red")))
    if error.hint:
        err.print(Text(f"  {error.hint}"))


def emit(record: Mapping[str, Any]) -> None:
    """One JSON object as one line, out at once."""
    sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)


def printable(text: str) -> str:
    """A text from the database, which somebody may have changed, without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def event_line(fields: Mapping[str, Any]) -> Text:
    """An event for people: when, what, who, why, how sure."""
    time = fields["time"]
    when = f"{time:8.2f} s" if isinstance(time, float) else str(time)
    words = [fields["person"] or "", f"({fields['reason']})" if fields["reason"] else ""]
    if fields["score"] is not None:
        words.append(f"score {fields['score']:.2f}")
    words.append(printable(fields["detail"]))
    style = COLOURS.get(fields["event"], "")
    return Text.assemble(
        (when, "dim"), "  ", (f"{fields['event']:<14}", style), " ", " ".join(filter(None, words))
    )


def parse_since(text: str, now: datetime) -> datetime:
    """'2h', '30m', '7d' or an ISO date and time (local unless it says otherwise), as UTC.

    Raises:
        typer.BadParameter: it is neither.
    """
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    try:
        if text[-1:] in units and text[:-1].isdecimal():
            return now - timedelta(**{units[text[-1]]: int(text[:-1])})
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is neither like 30m, 2h, 7d nor a date like 2026-01-31") from None


def parse_day(text: str | None) -> date:
    """A day that is over or today, '2026-01-31'; today for ``None``.

    Raises:
        typer.BadParameter: it is none, or is yet to come.
    """
    today = datetime.now().astimezone().date()
    try:
        day = date.fromisoformat(text) if text is not None else today
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day such as 2026-01-31") from None
    if day > today:
        raise typer.BadParameter(f"{day} is yet to come")
    return day


def refuse_overwriting(output: Path, inputs: Iterable[Path]) -> None:
    """Stop before an output file replaces what it is made from.

    Raises:
        typer.BadParameter: it would.
    """
    for given in inputs:
        if output.exists() and given.exists() and output.samefile(given):
            raise typer.BadParameter(f"{output} would overwrite what it is made from: name another file")
