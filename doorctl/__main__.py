"""``python -m doorctl`` and the ``doorctl`` command."""

import sys
from contextlib import suppress
from pathlib import Path


def main() -> None:
    """Run the command line. ``doorctl lock`` drives the pin before all that takes time is loaded."""
    command, data = _asked(sys.argv[1:])
    if command == "lock":
        with suppress(Exception):  # the command itself tells what is wrong, and tries again
            from doorctl.gpio.lock import lock_at_once
            from doorctl.paths import data_dir

            lock_at_once(data_dir(Path(data) if data else None))
    from doorctl.cli import main as commands

    commands()


def _asked(arguments: list[str]) -> tuple[str, str]:
    """The command, and the value of ``--data``, as far as a glance can tell."""
    command, data, left = "", "", list(arguments)
    while left:
        word = left.pop(0)
        name, _, value = word.partition("=")
        if name in ("--data", "--config"):
            value = value or (left.pop(0) if left else "")
            data = value if name == "--data" else data
        elif not word.startswith("-") and not command:
            command = word
    return command, data


if __name__ == "__main__":
    main()
