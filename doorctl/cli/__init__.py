"""The commands: the only place that prints for people or exits the process.

Each command imports what it needs when it runs, so that ``doorctl lock`` and
``--help`` stay quick and work when much else is broken.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from doorctl import __version__
from doorctl.cli import (
    backup,
    consent,
    control,
    door,
    dropbox,
    evaluate,
    events,
    explain,
    liveness,
    lockouts,
    look,
    measure,
    models,
    past,
    people,
    report,
    sync,
    verify,
)
from doorctl.cli.output import tell_error
from doorctl.errors import DoorctlError, StoreError

app = typer.Typer(
    name="doorctl",
    help="Face-access door controller. Everything is decided on this device.",
    epilog="First steps: 'doorctl models install', 'doorctl demo', 'doorctl enrol NAME PHOTO'.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
door.add_to(app)
control.add_to(app)
people.add_to(app)
consent.add_to(people.commands)
look.add_to(app)
events.add_to(app)
explain.add_to(events.commands)
past.add_to(events.commands)
verify.add_to(events.commands)
report.add_to(app)
evaluate.add_to(app)
models.add_to(app)
measure.add_to(app)
liveness.add_to(app)
lockouts.add_to(app)
sync.add_to(app)
dropbox.add_to(app)
backup.add_to(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"doorctl {__version__}")
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="YAML file to use.", metavar="FILE")] = None,
    data: Annotated[Path | None, typer.Option(help="Directory to keep everything in.", metavar="DIR")] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    context.obj = (config, data)


def main() -> None:
    """Run the command line; errors become one clear message and a meaningful exit code."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - open until the process ends
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name may hold letters that this terminal has not
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except DoorctlError as error:
        tell_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        # What is foreseen has become a DoorctlError; what is left is mostly output that cannot be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        tell_error(DoorctlError(str(error)))
        sys.exit(StoreError.exit_code)
