"""The configuration: YAML in, one frozen value out, or every mistake at once.

``config/doorctl.yaml`` explains each key to whoever sets up a door; ``sections.py`` has
the bounds and defaults. A setting that is wrong stops the program: a door must not
run on half of what its owner meant.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from doorctl import yaml_lines
from doorctl.access_section import TOLD
from doorctl.errors import ConfigError
from doorctl.sections import Config
from doorctl.yaml_lines import KeyPath, Mistake

SHOWN = 100
"""Mistakes that are spelled out; more than these come from a file that is no configuration."""


def load_config(path: Path | None) -> Config:
    """Read a file, or give the defaults if there is none to read.

    Raises:
        ConfigError: the file cannot be read or used. Its message has one line for
            each mistake: ``file:line: key.path: value, what was expected``.
    """
    if path is None:
        return Config()
    document = yaml_lines.read_file(path)
    config, mistakes = None, document.mistakes
    if isinstance(document.data, dict):
        config, refused = _validated(document.data, document.lines)
        mistakes = sorted([*mistakes, *refused], key=lambda mistake: mistake.line)
    elif document.data is not None:
        told = f"{yaml_lines.shown(document.data)}, expected sections such as 'door:' with keys below"
        mistakes = [Mistake(1, told)]
    elif not mistakes:
        config = Config()
    if config is not None and not mistakes:
        return config
    more = [f"{path}: and {len(mistakes) - SHOWN} more mistakes"] if len(mistakes) > SHOWN else []
    raise ConfigError("\n".join([*(mistake.at(path) for mistake in mistakes[:SHOWN]), *more]))


def _validated(data: dict[str, Any], lines: dict[KeyPath, int]) -> tuple[Config | None, list[Mistake]]:
    """A Config, or what is wrong.

    Pydantic looks at keys together only once each is right by itself. So the wrong
    ones are left out after the first round, and the others are looked at again.
    """
    data = {name: {} if section is None else section for name, section in data.items()}
    config, wrong, mistakes = None, set[KeyPath](), list[Mistake]()
    for _ in range(2):
        try:
            config = Config.model_validate(data)
            break
        except ValidationError as refused:
            errors = refused.errors(include_url=False)
        for error in errors:
            if error["type"] == "clash":
                clashes = error["ctx"]["clashes"]
                mistakes += [_clash(keys, text, lines) for keys, text in clashes if not wrong & set(keys)]
                wrong.update(*(keys for keys, _ in clashes))
                continue
            if error["type"] == TOLD:
                place = tuple(str(part) for part in error["loc"])
                line = next(lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in lines)
                mistakes.append(Mistake(line, f"{yaml_lines.dotted(place)}: {error['msg']}"))
                wrong.add(place[:2])
                continue
            path = tuple(str(part) for part in error["loc"][:2])
            if path in wrong:
                continue  # a union tells its error once for each kind of value that it takes
            wrong.add(path)
            value = data[path[0]] if len(path) == 1 else data[path[0]][path[1]]
            unknown = error["type"] == "extra_forbidden"
            text = _unknown(path) if unknown else f"{yaml_lines.shown(value)}, expected {_expected(path)}"
            mistakes.append(Mistake(lines[path], f"{yaml_lines.dotted(path)}: {text}"))
        data = {
            name: {key: value for key, value in section.items() if (name, key) not in wrong}
            for name, section in data.items()
            if (name,) not in wrong
        }
    return config, mistakes


def _clash(keys: Sequence[KeyPath], text: str, lines: dict[KeyPath, int]) -> Mistake:
    """Tell it where the last of the keys was given; the defaults agree, so one of them was."""
    return Mistake(max(lines.get(key, 0) for key in keys), f"{yaml_lines.dotted(keys[0])}: {text}")


def _fields(section: str) -> dict[str, FieldInfo]:
    kind = Config.model_fields[section].annotation
    return kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else {}


def _expected(path: KeyPath) -> str:
    """What a key takes, from its own bounds, so that no message can fall behind them."""
    if len(path) == 1:
        return f"a section with keys such as '{next(iter(_fields(path[0])))}: ...' below it"
    field = _fields(path[0])[path[1]]
    told, bounds = field.description or "", {type(m).__name__: m for m in field.metadata}
    if get_origin(field.annotation) is Literal:
        what = " or ".join(str(choice) for choice in get_args(field.annotation))
    elif "Ge" in bounds:
        kind = "a whole number" if field.annotation is int else "a number"
        what = f"{kind} from {bounds['Ge'].ge:g} to {bounds['Le'].le:g}"
    else:
        return told or "true or false"
    return f"{what} ({told})" if told else what


def _unknown(path: KeyPath) -> str:
    """Name the nearest right key, here or in another section."""
    section = path[0] if len(path) == 2 else None
    here: Sequence[str] = tuple(_fields(section) if section else Config.model_fields)
    near = difflib.get_close_matches(path[-1], here, 1)
    if not near:
        elsewhere = {key: f"{name}.{key}" for name in Config.model_fields for key in _fields(name)}
        near = [elsewhere[key] for key in difflib.get_close_matches(path[-1], elsewhere, 1, 0.8)]
    return (
        f"unknown key, did you mean {near[0]}?" if near else f"unknown key, expected one of {', '.join(here)}"
    )
