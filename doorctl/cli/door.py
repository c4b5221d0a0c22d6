"""``doorctl run``, ``check``, ``lock`` and ``demo``: the door itself."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from doorctl.cli.output import ConfigOption, DataOption, JsonOption, console, emit, settings_of, warn
from doorctl.errors import ConfigError, DoorctlError

if TYPE_CHECKING:
    from doorctl.pin_sections import GpioConfig


def add_to(app: typer.Typer) -> None:
    app.command("run", epilog="Example: doorctl run --config /etc/doorctl/doorctl.yaml")(run)
    app.command(
        "check",
        epilog="Example: doorctl check (with the daemon stopped, for it holds pin and camera)",
    )(check)
    app.command("lock", epilog="Example: ExecStopPost=/opt/doorctl/bin/doorctl lock")(lock)
    app.command("demo", epilog="Example: doorctl demo --out /tmp/demo")(demo)


def run(context: typer.Context, config: ConfigOption = None, data: DataOption = None) -> None:
    """Be the door's daemon. SIGTERM stops it, locked; SIGHUP reads the configuration again."""
    from doorctl.app.backoff import rested, runtime_of_service

    settings = settings_of(context, config, data)
    _log_to_stderr(settings.config.log.level)
    with rested(runtime_of_service()) as goes_on:
        if goes_on:
            from doorctl.app.service import run as serve

            # At a terminal the prompts are for whoever tries the door out; a journal need not keep them.
            serve(settings, console().print if sys.stdout.isatty() else None)


def _log_to_stderr(level: str) -> None:
    """Log to the journal where that reads our standard error, and else there."""
    from doorctl.cli.journal import JournalHandler, PlainFormatter, is_journal

    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if is_journal(sys.stderr):
        handler = JournalHandler()
    elif os.environ.get("JOURNAL_STREAM"):
        handler.setFormatter(PlainFormatter("%(name)s: %(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    root = logging.getLogger("doorctl")
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    root.propagate = False


def check(
    context: typer.Context, config: ConfigOption = None, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """Try everything that the daemon needs, one line each. Exit code 0 only if all of it works."""
    from doorctl.app.check import check_all

    out, worst = console(), 0
    settings = settings_of(context, config, data)
    for finding in check_all(settings):
        worst = worst or finding.exit_code
        if as_json:
            emit({"check": finding.part, "ok": finding.ok, "detail": finding.detail, "hint": finding.hint})
            continue
        warned = ("LOOK  ", "bold red") if finding.hint else ("ok    ", "green")
        mark = warned if finding.ok else ("FAILED", "red")
        out.print(Text.assemble(mark, f"  {finding.part:<9} {finding.detail}"))
        if finding.hint:
            style = "bold red" if finding.ok else "dim"
            out.print(Text(f"        {'':<9} {finding.hint}", style=style))
    if worst:
        raise typer.Exit(worst)


def lock(context: typer.Context, config: ConfigOption = None, data: DataOption = None) -> None:
    """Drive the relay locked and exit, whatever else is wrong.

    For the service manager to call when the daemon has ended in any way. A configuration
    that cannot be read is passed over: the pin that the daemon used last is locked.
    """
    from doorctl.gpio.lock import lock_relay, locked

    pins, pin_file, said = _pins_to_lock(context, config, data)
    failed: list[Exception] = []
    # Every pin is driven before a word is said of any: nobody may be there to read it.
    for gpio in pins:
        try:
            if (gpio.pins, gpio.relay_pin, gpio.active_high) not in locked:
                lock_relay(gpio.pins, gpio.relay_pin, gpio.active_high, pin_file)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other pin is still to be locked
            failed.append(error)
        else:
            said.append(f"relay on GPIO{gpio.relay_pin} is locked")
    for line in said:
        with suppress(OSError):
            typer.echo(line)
    if failed:
        raise failed[0]


def _pins_to_lock(
    context: typer.Context, config: Path | None, data: Path | None
) -> tuple[list[GpioConfig], Path, list[str]]:
    """The pin that the daemon drove last, and what the configuration names now if that differs.

    Returns:
        them, where simulated pins are kept, and what the user is to be told.
    """
    from doorctl.app.place import last_gpio
    from doorctl.app.settings import Settings
    from doorctl.pin_sections import GpioConfig

    try:
        settings = settings_of(context, config, data)
    except ConfigError as error:
        before = context.find_root().obj or (None, None)
        settings = Settings.without_config(data or before[1])
        last = last_gpio(settings.place)
        which = "the pin that the daemon drove last" if last else "the default pin"
        said = [f"the configuration cannot be read ({error.message.splitlines()[0]}): locking {which}"]
        return [last or GpioConfig()], settings.pin_file, said
    last = last_gpio(settings.place)
    now = settings.config.gpio
    if last is None or last == now:
        return [now], settings.pin_file, []
    # Without a file here, the configuration says nothing that the daemon did not know better.
    return [last] if settings.config_file is None else [last, now], settings.pin_file, []


def demo(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Where to write the clips and pictures.", metavar="DIR")] = Path(
        "demo"
    ),
    seed: Annotated[int | None, typer.Option(min=0, help="Of the challenges, to repeat a run.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """See the whole way in simulation: a print is refused, its person let in, a stranger refused.

    Grace Hopper is enrolled. Three come to a simulated camera, and do what the door asks
    of them as far as they can: her portrait as a print that is moved and tilted; a puppet
    made of the same portrait, which turns its head and opens its mouth; a puppet of Eileen
    Collins, whom nobody has enrolled. The puppets stand for living people: they are
    injected pictures, and what no challenge alone can tell from a person. Nothing of an
    installed door is touched; everything is written to DIR.
    """
    from doorctl.cli.look import Timeline
    from doorctl.demo.show import run_demo

    with TemporaryDirectory(prefix="doorctl-demo-") as state:
        settings = settings_of(context, config, Path(state))
        timeline = Timeline(as_json)
        outcome = run_demo(
            settings,
            out,
            [timeline],
            seed=seed,
            say=timeline.prompt,
            tell=lambda held: warn(f"liveness {held.mode}: {held.warning}") if held.warning else None,
        )
    if not as_json:
        for file in outcome.files:
            console().print(f"written: {file}")
    if not outcome.right:
        raise DoorctlError("the demo did not go as it should: see its timeline above")
