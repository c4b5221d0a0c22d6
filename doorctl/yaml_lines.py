"""YAML as a person at a door writes it: plain values, each with its line.

Plain words mean what YAML 1.2's core schema says. Under YAML 1.1, which PyYAML
follows by itself, ``off`` would be false, ``017`` fifteen and ``1:30`` ninety, and
``1e3`` a string. Anchors, aliases, tags and deep nesting are refused: no setting
needs them, and a few lines of them can stand for gigabytes.
"""

from __future__ import annotations

import errno
import json
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

LARGEST = 64 * 1024
"""Bytes of a file, ten times what the one that comes with doorctl has. PyYAML reads 0.1 MB a second."""

DEPTH = 8
"""Deepest nesting that is read, far more than any setting needs."""

KeyPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something wrong on a line, counted from 1; line 0 is the file as a whole."""

    line: int
    text: str

    def at(self, path: Path) -> str:
        """The mistake as a line of text that an editor or a terminal can jump from."""
        return f"{_printable(str(path))}:{f'{self.line}:' if self.line else ''} {self.text}"


@dataclass(slots=True)
class Document:
    """What the text says. ``data`` is ``None`` for an empty text and for one that could not be read."""

    data: object = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)


class _Loader(yaml.SafeLoader):
    """Composes nodes with their marks. Nothing is ever constructed from them."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it untyped
        used = {"an anchor or alias (& or *)": event.anchor, "a tag (!)": getattr(event, "tag", None)}
        for what, value in used.items():
            if value is not None:
                raise yaml.MarkedYAMLError(problem=f"{what} has no use here", problem_mark=event.start_mark)
        self.depth += 1
        if self.depth > DEPTH:
            raise yaml.MarkedYAMLError(problem="nested too deep", problem_mark=event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


_NULL, _BOOL, _INT, _FLOAT, _STR = (
    f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str")
)
_Loader.yaml_implicit_resolvers = {}  # its own, not PyYAML's
for _tag, _pattern, _first in (
    (_NULL, r"(?:~|null|Null|NULL|)\Z", ["~", "n", "N", ""]),
    (_BOOL, r"(?:true|True|TRUE|false|False|FALSE)\Z", list("tTfF")),
    (_INT, r"[-+]?[0-9]+\Z", list("-+0123456789")),
    (_FLOAT, r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z", list("-+.0123456789")),
    (_FLOAT, r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z", list("-+.")),
):
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), _first)

_SCALARS: dict[str, Callable[[str], object]] = {
    _NULL: lambda text: None,
    _BOOL: lambda text: text.lower() == "true",
    _INT: int,
    _FLOAT: lambda text: float(text.lower().replace(".inf", "inf").replace(".nan", "nan")),
}


def read_file(path: Path) -> Document:
    """Read a file in UTF-8. Never raises: a file that cannot be read is a mistake like any other."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # a pipe or a device might never end
            return _nothing(0, f"{'a directory' if stat.S_ISDIR(mode) else 'no file'}, expected a YAML file")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            return _nothing(0, f"more than {LARGEST} bytes, which no configuration needs")
        return read(data.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        return _nothing(data.count(b"\n", 0, error.start) + 1, "not UTF-8, the encoding that is expected")
    except ValueError:  # a NUL in the path
        return _nothing(0, "no name that a file could have")
    except OSError as error:
        known = {errno.ENOENT: "no such file", errno.EACCES: "no permission to read it"}
        return _nothing(0, known.get(error.errno or 0, error.strerror or "cannot be read"))


def _nothing(line: int, text: str) -> Document:
    return Document(mistakes=[Mistake(line, text)])


def read(text: str) -> Document:
    """Read one document. Never raises: what is wrong stands in ``mistakes``.

    A syntax error, or a tab in an indentation, leaves ``data`` empty; a key that is
    no word or that comes twice is told, and the rest is read on.
    """
    document = Document()
    for number, row in enumerate(text.split("\n"), 1):
        if re.match(r" *\t", row):
            document.mistakes.append(Mistake(number, "a tab in the indentation: YAML allows spaces only"))
    if document.mistakes:
        return document
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        document.mistakes.append(Mistake(line, "not valid YAML: a character that may not stand here"))
    except yaml.MarkedYAMLError as error:
        document.mistakes.append(_syntax(error))
    else:
        if root is not None:
            document.data = _value(root, (), document)
    return document


def _syntax(error: yaml.MarkedYAMLError) -> Mistake:
    mark, problem = error.problem_mark or error.context_mark, error.problem or "cannot be read"
    if "could not find expected ':'" in problem:
        # The mark stands where the search ended; the key without its colon is where it began.
        mark, problem = error.context_mark or mark, "a key must be followed by a colon and a space"
    elif "'\\t'" in problem:
        problem = "a tab: YAML allows spaces only"
    return Mistake(mark.line + 1 if mark else 1, f"not valid YAML: {problem}")


def _value(node: yaml.Node, path: KeyPath, document: Document) -> object:
    value: Any = node.value
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, path, document) for item in value]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, document)
    try:
        return _SCALARS.get(node.tag, str)(value)
    except ValueError:  # a number with thousands of digits, which Python declines to read
        return value


def _mapping(node: yaml.MappingNode, path: KeyPath, document: Document) -> dict[str, object]:
    data: dict[str, object] = {}
    for key_node, value_node in node.value:
        line, key = key_node.start_mark.line + 1, key_node.value
        if key_node.tag != _STR:
            name = key if isinstance(key, str) and key else "this"
            document.mistakes.append(Mistake(line, f"{dotted((*path, name))}: a key must be a word"))
            continue
        here = (*path, key)
        if key in data:
            first = document.lines[here]
            document.mistakes.append(Mistake(line, f"{dotted(here)}: given twice, first on line {first}"))
            continue
        document.lines[here] = line
        data[key] = _value(value_node, here, document)
    return data


def dotted(path: KeyPath) -> str:
    """A key's full name on one line, whatever it is made of."""
    return ".".join(part if re.fullmatch(r"[\w-]{1,60}", part) else shown(part) for part in path)


def shown(value: object) -> str:
    """A value as it might stand in the file, cut to a line; a password in an address is masked."""
    text = re.sub(r"//[^/\s]*@", "//***@", _printable(json.dumps(value, ensure_ascii=False, default=str)))
    return text if len(text) <= 60 else f"{text[:57]}..."


def _printable(text: str) -> str:
    """Spell out what would move the cursor, turn the text round, or not be encoded at all."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
