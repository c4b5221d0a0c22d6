"""The README's page for who runs a door, held against the program: keys, lights, alarms, commands, places."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from pydantic import BaseModel
from typer.core import TyperGroup

from doorctl.cli import app
from doorctl.core.decision import EventKind
from doorctl.core.prompt import Prompt
from doorctl.gpio.patterns import PATTERNS, Output
from doorctl.report.meaning import ADVICE
from doorctl.sections import Config

TOP = Path(__file__).resolve().parents[1]
README = (TOP / "README.md").read_text()
PAGE = README[README.index("## A door, step by step") : README.index("## One frame's way")]
COMMAND = re.compile(r"(?m)^ {4,}((?:sudo )?doorctl .*)$|`((?:sudo )?doorctl [^`]*)`")


def table(heading: str) -> list[list[str]]:
    """The rows of the table whose first column has that heading."""
    lines = README[README.index(f"\n| {heading} |") + 1 :].splitlines()
    rows = []
    for line in lines[2:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")])
    return rows


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_every_key_stands_in_the_table_with_its_default() -> None:
    """None is missing, none is made up, and a file of these values means what no file means."""
    rows = table("key")
    assert sorted(row[0].strip("`") for row in rows) == sorted(keys(Config))
    told: dict[str, dict[str, Any]] = {}
    for key, default, what in rows:
        section, name = key.strip("`").split(".")
        told.setdefault(section, {})[name] = yaml.safe_load(default.strip("`"))
        assert what
    assert Config.model_validate(told) == Config()


def seen(prompt: Prompt, light: Output) -> str:
    """What a light does: on, blinks or nothing."""
    lit = [light in step.lit for step in PATTERNS[prompt].steps]
    return "on" if all(lit) else "blinks" if any(lit) else ""


@pytest.mark.parametrize("row", table("it says"), ids=lambda row: str(row[0]))
def test_lights_and_beeps_are_told_as_they_are(row: list[str]) -> None:
    """Green, red and beeps of each prompt, against the patterns that are played; every prompt has a row."""
    assert [row[0] for row in table("it says")] == [str(prompt) for prompt in Prompt]
    says, _, green, red, beeps, do = row
    prompt = Prompt(says)
    assert seen(prompt, "green") == green.split(" ")[0]
    assert seen(prompt, "red") == red.replace("flashes", "blinks").split(" ")[0]
    if seen(prompt, "buzzer"):
        assert beeps.endswith("with red")
    else:
        length = {0.1: "short", 0.3: "middling", 1.0: "long"}
        sounds = PATTERNS[prompt].beeps
        assert beeps == (f"{len(sounds)} {length[sounds[0]]}" if sounds else "")
    assert do


def test_every_alarm_is_told_with_what_to_do() -> None:
    """Whatever 'events explain' has advice about stands in the table, and nothing that is no event."""
    told = {re.findall(r"`(\w+)`", row[0])[0] for row in table("event")}
    assert {str(kind) for kind in ADVICE} <= told
    assert told <= {str(kind) for kind in EventKind}
    assert all(row[2] for row in table("event"))


@pytest.mark.parametrize("command", sorted({a or b for a, b in COMMAND.findall(README)}))
def test_every_command_is_one(command: str) -> None:
    """Each 'doorctl …' in the README names a command that there is, with options that it has."""
    words = shlex.split(re.split(r"  #| \| ", command)[0].removeprefix("sudo "))[1:]
    found = typer.main.get_command(app)
    while words and isinstance(found, TyperGroup) and words[0] in found.commands:
        found = found.commands[words.pop(0)]
    if isinstance(found, TyperGroup) and found.name == "events":
        found = found.commands["list"]  # which may be left out
    known = {option for parameter in found.params for option in parameter.opts} | {"--help"}
    if isinstance(found, TyperGroup):
        assert not words or words[0].startswith("-") or found.name in ("liveness", "dropbox"), command
    for word in words:
        if word.startswith("-") and len(word) > 1:
            assert word in known, f"{word} of '{command}'"


def test_what_is_done_without_root_goes_to_the_daemon() -> None:
    """Whoever may only command the door can do so; the store is root's and the daemon's to read."""
    commands = {a or b for a, b in COMMAND.findall(PAGE)}
    without = {command for command in commands if not command.startswith("sudo")}
    assert without == {
        *("doorctl status", "doorctl lockdown on", "doorctl lockdown off", "doorctl lockouts clear"),
    }


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)]+)\)", README))))
def test_every_link_leads_somewhere(link: str) -> None:
    """To a file that there is, and to a heading in it."""
    file, _, heading = link.partition("#")
    if link.startswith("https://"):
        return
    text = (TOP / file).read_text() if heading and file else README if heading else ""
    assert (TOP / file).exists()
    if heading:
        slugs = {
            re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
            for line in text.splitlines()
            if line.startswith("#")
        }
        assert heading in slugs


def test_settings_in_the_text_are_keys() -> None:
    """What the page calls 'section.key' is one."""
    sections = {key.split(".")[0] for key in keys(Config)}
    named = {
        word
        for word in re.findall(r"`([a-z]+\.[a-z_]+)(?:: [^`]*| [^`]*)?`", README)
        if word.split(".")[0] in sections
    }
    assert named
    assert named - {"control.sock"} <= set(keys(Config))
