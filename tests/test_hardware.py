"""The wiring guide, held against the program: a wire goes where the configuration says."""

from __future__ import annotations

import re
from math import radians, tan
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
import yaml
from gpiozero.pins.mock import MockFactory
from pydantic import BaseModel, ValidationError

from doorctl.config import load_config
from doorctl.sections import Config

HARDWARE = Path(__file__).resolve().parents[1] / "hardware"
README = (HARDWARE / "README.md").read_text()
SVG = "{http://www.w3.org/2000/svg}"
DRAWINGS = sorted(HARDWARE.glob("*.svg"))
WIRING = ("strike", "maglock")
SECTIONS = ("gpio", "indicator", "inputs")
RESERVED = {0, 1, 2, 3, 14, 15}
"""EEPROM of add-on boards, I2C, UART."""


def table(heading: str) -> list[dict[str, str]]:
    """The rows of the table whose first column has that heading, without backticks and stars."""
    lines = README.replace("`", "").replace("*", "").splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    heads = cells(lines[start])
    assert set(lines[start + 1]) <= set("|- ")
    rows: list[dict[str, str]] = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(dict(zip(heads, cells(line), strict=True)))
    assert rows
    return rows


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


PINS = table("BCM")
KEYS = [row["config key"] for row in PINS]


def section(name: str) -> BaseModel:
    """A section of the default configuration, or the test is skipped while there is none."""
    found = getattr(Config(), name, None)
    if found is None and name == "inputs":
        pytest.skip("the configuration has no inputs yet")
    assert isinstance(found, BaseModel), name
    return found


def takes_a_pin(owner: BaseModel, key: str) -> bool:
    """Whether the key is a pin's: not there by default, and a number where it is."""
    if owner == Config().gpio:
        return key == "relay_pin"
    try:
        found = type(owner).model_validate({key: 4})
    except ValidationError:
        return False
    return getattr(owner, key) is None and getattr(found, key) == 4


def words(drawing: Path) -> str:
    """What can be read in a drawing, in one line; a name that is broken at its hyphen is whole again."""
    texts = ElementTree.parse(drawing).getroot().iter(f"{SVG}text")
    return " ".join("".join(text.itertext()).strip() for text in texts).replace("- ", "-").lower()


@pytest.mark.parametrize("key", KEYS)
def test_a_wires_key_can_be_configured(key: str) -> None:
    """Every key of the pin table is one that the configuration has, and that takes a pin."""
    name, _, field = key.partition(".")
    owner = section(name)
    assert field in type(owner).model_fields
    assert takes_a_pin(owner, field)


@pytest.mark.parametrize("name", SECTIONS)
def test_every_pin_of_the_configuration_has_a_wire(name: str) -> None:
    """No output or input can be configured that the table does not tell how to wire."""
    owner = section(name)
    wanted = {f"{name}.{key}" for key in type(owner).model_fields if takes_a_pin(owner, key)}
    assert wanted
    assert wanted == {key for key in KEYS if key.startswith(f"{name}.")}


def test_the_relay_is_on_the_default_pin() -> None:
    """Whoever wires by the table and configures nothing drives the relay, and an active-high one."""
    relay = next(row for row in PINS if row["config key"] == "gpio.relay_pin")
    assert int(relay["BCM"]) == Config().gpio.relay_pin
    assert Config().gpio.active_high


def test_no_pin_has_two_wires_or_another_task() -> None:
    """The pins are different ones, on the header, and none of those that boards and buses use."""
    numbers = [int(row["BCM"]) for row in PINS]
    assert len(set(numbers)) == len(numbers) == len(set(KEYS))
    assert all(2 <= number <= 27 for number in numbers)
    assert not RESERVED & set(numbers)


@pytest.mark.parametrize("revision", ["a02082", "c03111", "c04170"])
def test_the_places_on_the_header_are_the_pins(revision: str) -> None:
    """The places of pins, 5 V, 3.3 V and ground are those that gpiozero knows of the Pi 3, 4 and 5."""
    header = MockFactory(revision=revision).board_info.headers["J8"]
    for row in PINS:
        assert header.pins[int(row["place"])].name == f"GPIO{row['BCM']}"
    told = re.search(
        r"5 V is at places (.+?), 3\.3 V at (.+?), ground at (.+?)\. ", README.replace("\n", " ")
    )
    assert told is not None
    for name, places in zip(("5V", "3V3", "GND"), told.groups(), strict=True):
        right = {place for place, pin in header.pins.items() if pin.name == name}
        assert {int(place) for place in re.findall(r"\d+", places)} == right


def test_inputs_and_outputs_are_told_apart() -> None:
    """An input's row says input and shows a switch to ground; every other row says output."""
    for row in PINS:
        is_input = row["config key"].startswith("inputs.")
        assert row["direction"] == ("input" if is_input else "output")
        assert row["wire"].startswith("to ground; close") == is_input


def test_the_table_makes_a_configuration(tmp_path: Path) -> None:
    """All of the table's pins together load without a clash, and come out as they went in."""
    values: dict[str, dict[str, int]] = {}
    for row in PINS:
        name, _, key = row["config key"].partition(".")
        if hasattr(Config(), name):
            values.setdefault(name, {})[key] = int(row["BCM"])
    file = tmp_path / "doorctl.yaml"
    file.write_text(yaml.safe_dump(values))
    config = load_config(file)
    assert all(
        getattr(getattr(config, name), key) == pin
        for name, keys in values.items()
        for key, pin in keys.items()
    )


def test_the_example_is_the_table(tmp_path: Path) -> None:
    """The example that can be copied names the same pins as the table, and loads."""
    found = re.search(r"```yaml\n(.+?)```", README, re.DOTALL)
    assert found is not None
    example: dict[str, dict[str, Any]] = yaml.safe_load(found[1])
    assert example["gpio"].pop("active_high") is True
    named = {f"{name}.{key}": pin for name, keys in example.items() for key, pin in keys.items()}
    assert named == {row["config key"]: int(row["BCM"]) for row in PINS}
    section("inputs")
    file = tmp_path / "doorctl.yaml"
    file.write_text(found[1])
    load_config(file)


def test_keys_that_the_text_names_exist() -> None:
    """Each key of the configuration that the guide mentions is one that the configuration has."""
    config = Config()
    names = "|".join(Config.model_fields)
    for name, key in set(re.findall(rf"`({names})\.([a-z_]+)[`:]", README)):
        assert key in type(getattr(config, name)).model_fields, f"{name}.{key}"


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda file: file.stem)
def test_a_drawing_is_whole(drawing: Path) -> None:
    """Each drawing is well-formed, says what it is to who cannot see it, and is white in the dark."""
    root = ElementTree.parse(drawing).getroot()
    assert root.tag == f"{SVG}svg"
    for part in ("title", "desc"):
        found = root.find(f"{SVG}{part}")
        assert found is not None
        assert (found.text or "").strip()
        assert found.get("id") in (root.get("aria-labelledby") or "").split()
    _, _, width, height = (root.get("viewBox") or "").split()
    ground = root.find(f"{SVG}rect")
    assert ground is not None
    assert (ground.get("width"), ground.get("height"), ground.get("fill")) == (width, height, "#fff")
    assert f"]({drawing.name})" in README


@pytest.mark.parametrize("lock", WIRING)
def test_a_diagram_shows_every_part_that_is_needed(lock: str) -> None:
    """Each part that the list calls needed for a lock is named in that lock's diagram."""
    parts = table("part")
    assert {row["for"] for row in parts} == {"both", *WIRING, "optional"}
    shown = words(HARDWARE / f"{lock}.svg")
    missing = [
        row["part"] for row in parts if row["for"] in ("both", lock) and row["part"].lower() not in shown
    ]
    assert not missing


@pytest.mark.parametrize("lock", WIRING)
def test_a_diagram_shows_the_tables_pins(lock: str) -> None:
    """The relay's pin and every input's stand in each wiring diagram, with place and key, and no others."""
    shown = words(HARDWARE / f"{lock}.svg")
    drawn = [row for row in PINS if not row["config key"].startswith("indicator.")]
    assert set(re.findall(r"gpio(\d+) \((\d+)\)", shown)) == {(row["BCM"], row["place"]) for row in drawn}
    keys = {row["config key"] for row in drawn if row["direction"] == "input"}
    assert set(re.findall(r"inputs\.[a-z]+", shown)) == keys


def test_the_timer_outlasts_every_usual_release() -> None:
    """The timer relay's time is the same everywhere, and longer than any release that the defaults allow."""
    told = re.search(r"(\d+) s\s+covers", README)
    assert told is not None
    for lock in WIRING:
        assert f"function, {told[1]} s" in words(HARDWARE / f"{lock}.svg")
    config = Config()
    longest = max(
        config.door.open_seconds, getattr(getattr(config, "people", None), "extended_open_seconds", 0)
    )
    assert longest < int(told[1])


def test_the_cameras_table_is_what_its_sums_give() -> None:
    """The fields of view and distances are what the formulas beside them say."""
    lenses = {"standard": (66, 41), "wide": (102, 67)}
    rows = table("module")
    assert len({(row["module"], row["mounted"], row["of the sensor"]) for row in rows}) == len(rows) == 8
    for row in rows:
        part = {"whole": 1, "middle 2/3": 2 / 3}[row["of the sensor"]]
        long, short = (part * tan(radians(angle / 2)) for angle in lenses[row["module"]])
        up, across = {"level": (short, 0.75 * long), "on its side": (0.75 * long, short)}[row["mounted"]]
        half = float(row["up and down"].rstrip("°")) / 2
        assert tan(radians(half - 0.26)) < up < tan(radians(half + 0.26))
        half_span = (1.95 - 1.10) / 2 + 0.12
        assert metres(row["in view from"]) == pytest.approx(half_span / up, abs=0.006)
        for head, share in (("looked at up to, min_face 0.12", 0.12), ("0.10", 0.10)):
            assert metres(row[head]) == pytest.approx(0.14 / (2 * share * across), abs=0.006)


def test_the_drawing_of_heights_is_the_table() -> None:
    """Angles and distances in the drawing are those of the table, for the whole sensor."""
    shown = words(HARDWARE / "heights.svg")
    for row in table("module")[:4]:
        assert row["of the sensor"] == "whole"
        view = f"{row['module']}, {row['mounted']}"
        assert f"{row['in view from']}: {view}" in shown
        assert f"{view}: {row['up and down']}" in shown


def metres(text: str) -> float:
    return float(text.removesuffix(" m"))


def test_local_links_lead_somewhere() -> None:
    """Every link of the guide that is not to another site leads to a file, or to a heading of this one."""
    headings = re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    targets = re.findall(r"\]\(([^)]+)\)", README)
    assert targets
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = unquote(target).partition("#")
        if file:
            assert (HARDWARE / file).is_file(), target
        else:
            assert anchor in anchors, target


def test_it_says_that_nobody_has_tried_it() -> None:
    """The guide does not pass for one that has been built."""
    assert "built or tried on a real Pi yet" in README.replace("\n", " ")
