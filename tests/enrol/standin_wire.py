"""What goes over the wire between the SDK and the stand-in: answers, and arguments, looked at closely.

The texts follow Dropbox's own where they are known: ``docs`` is
https://www.dropbox.com/developers/documentation/http/documentation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.enrol.standin_tree import Json

JSON_TYPES = {"application/json", "application/json; charset=utf-8", "text/plain; charset=dropbox-cors-hack"}
UPLOAD_TYPES = {"application/octet-stream", "text/plain; charset=dropbox-cors-hack"}
DOWNLOAD_TYPES = {"", "text/plain", "text/plain; charset=utf-8", "application/octet-stream"}
DOWNLOAD_TYPES |= {"application/octet-stream; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the API."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class RefusedError(Exception):
    """The request is answered with an error; the argument is the ``Answer``."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status, answer.body)
        self.answer = answer


def dump(value: object) -> str:
    """JSON that is safe in a header: ASCII, with 0x7F escaped too (docs: "JSON encoding")."""
    return json.dumps(value).replace("\x7f", "\\u007f")


def answer_json(value: object, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, dump(value).encode(), {"Content-Type": "application/json", **named})


def answer_text(text: str, status: int = 400) -> Answer:
    return Answer(status, text.encode(), {"Content-Type": "text/plain; charset=utf-8"})


def nest(*tags: str) -> Json:
    """A union's value: ``path, not_found`` -> ``{".tag": "path", "path": {".tag": "not_found"}}``."""
    value: Json = {".tag": tags[0]}
    if len(tags) > 1:
        value[tags[0]] = nest(*tags[1:])
    return value


def answer_error(*tags: str, status: int = 409, **members: object) -> Answer:
    """An error of a route, by the tags of its unions, outermost first; ``members`` go into the outermost."""
    error = nest(*tags) | members
    return answer_json({"error_summary": "/".join(tags) + "/..", "error": error}, status)


def write_failed(*tags: str) -> Answer:
    """A failed upload: ``UploadWriteFailed`` is a structure, laid flat into the union."""
    error = {".tag": "path", "reason": nest(*tags), "upload_session_id": "AAAAAAAAAAFk-N3b7Vw0Xg"}
    return answer_json({"error_summary": "/".join(("path", *tags)) + "/..", "error": error}, 409)


def oauth_error(error: str, description: str) -> Answer:
    """What /oauth2/token says, in the way of RFC 6749 section 5.2."""
    return answer_json({"error": error, "error_description": description}, 400)


def rate_limited(reason: str, retry_after: int) -> Answer:
    error = {"reason": {".tag": reason}, "retry_after": retry_after}
    answer = answer_json({"error_summary": f"{reason}/..", "error": error}, 429)
    return Answer(429, answer.body, answer.headers | {"Retry-After": str(retry_after)})


Check = Callable[[Any], str]
"""Says what is wrong with a value; empty if nothing is."""


def kind(value: object) -> str:
    names = {bool: "boolean", int: "integer", str: "string", dict: "object", list: "list", float: "float"}
    return names.get(type(value), "null")


def boolean(value: object) -> str:
    return "" if isinstance(value, bool) else f"expected boolean, got {kind(value)}"


def integer(least: int, most: int) -> Check:
    def check(value: object) -> str:
        if not isinstance(value, int) or isinstance(value, bool):
            return f"expected integer, got {kind(value)}"
        return "" if least <= value <= most else f"{value} is not within range [{least}, {most}]"

    return check


def string(pattern: str = ".+", shown: str = "") -> Check:
    def check(value: object) -> str:
        if not isinstance(value, str):
            return f"{str(value)!r} expected to be a string, got {kind(value)}"
        fits = re.fullmatch(pattern, value, re.DOTALL)
        return "" if fits else f"{value!r} did not match pattern '{shown or pattern}'"

    return check


def nullable(check: Check) -> Check:
    return lambda value: "" if value is None else check(value)


def absent(value: object) -> str:
    return "" if value is None or value == [] else "the stand-in does not imitate this field"


def listed_path(value: object) -> str:
    if value == "/":
        return 'Specify the root folder as an empty string rather than as "/".'
    return string(r"(/(.|[\r\n])*)?|id:.*|(ns:[0-9]+(/.*)?)")(value)


def known_path(value: object) -> str:
    if value in {"", "/"}:
        return "The root folder is unsupported."
    return read_path(value)


read_path = string(r"(/(.|[\r\n])*|id:.*)|(rev:[0-9a-f]{9,})|(ns:[0-9]+(/.*)?)")
written_path = string(r"(/(.|[\r\n])*)|(ns:[0-9]+(/.*)?)|(id:.*)")


def write_mode(value: object) -> str:
    if isinstance(value, dict):
        tag, extra = value.get(".tag"), set(value) - {".tag"}
        if tag == "update":
            good = extra == {"update"} and not string("[0-9a-f]{9,}")(value["update"])
            return "" if good else "update: expected a rev"
        return "" if tag in {"add", "overwrite"} and not extra else f"unknown tag {tag!r}"
    return "" if value in {"add", "overwrite"} else f"{value!r} is not a valid tag without a value"


FIELDS: dict[str, dict[str, Check]] = {
    "files/list_folder": {
        "path": listed_path,
        "recursive": boolean,
        "include_media_info": boolean,
        "include_deleted": boolean,
        "include_has_explicit_shared_members": boolean,
        "include_mounted_folders": boolean,
        "limit": nullable(integer(1, 2000)),
        "shared_link": absent,
        "include_property_groups": absent,
        "include_non_downloadable_files": boolean,
        "include_restorable_info": boolean,
    },
    "files/list_folder/continue": {"cursor": string()},
    "files/list_folder/longpoll": {"cursor": string(), "timeout": integer(30, 480)},
    "files/download": {"path": read_path, "rev": nullable(string("[0-9a-f]{9,}"))},
    "files/get_metadata": {
        "path": known_path,
        "include_media_info": boolean,
        "include_deleted": boolean,
        "include_has_explicit_shared_members": boolean,
        "include_property_groups": absent,
    },
    "files/upload": {
        "path": written_path,
        "mode": write_mode,
        "autorename": boolean,
        "client_modified": nullable(string(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")),
        "mute": boolean,
        "property_groups": absent,
        "strict_conflict": boolean,
        "content_hash": nullable(string("[0-9a-fA-F]{64}")),
    },
}
"""Every field of every route's argument; a route that is not here takes none."""
REQUIRED = {"path", "cursor"}


def read_argument(route: str, text: str, where: str) -> Json:
    """The argument of a route.

    Args:
        text: JSON.
        where: where it came from, as Dropbox names it: ``request body`` or ``HTTP header "Dropbox-API-Arg"``.

    Raises:
        RefusedError: it is not what the route takes.
    """

    def refuse(what: str) -> RefusedError:
        return RefusedError(answer_text(f'Error in call to API function "{route}": {where}: {what}'))

    try:
        value = json.loads(text)
    except ValueError:
        raise refuse("could not decode input as JSON") from None
    if route not in FIELDS:
        if value is not None:
            raise refuse(f"expected null, got {kind(value)}")
        return {}
    if not isinstance(value, dict):
        raise refuse(f"expected object, got {kind(value)}")
    fields = FIELDS[route]
    for name in value:
        if name not in fields:
            raise refuse(f"unknown field '{name}'")
    for name, check in fields.items():
        if name in value:
            if wrong := check(value[name]):
                raise refuse(f"{name}: {wrong}")
        elif name in REQUIRED:
            raise refuse(f"missing required field '{name}'")
    return value
