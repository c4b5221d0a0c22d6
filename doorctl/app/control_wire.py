"""What a command and the running daemon say to each other: one line of JSON each way, and no more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from doorctl.errors import DaemonError, DoorctlError, RequestError

SOCKET = "control.sock"
"""The socket's name in the runtime directory."""

MOST_REQUEST = 4096
"""Bytes of a request, its line end included."""

MOST_REPLY = 65536
"""Bytes of a reply, likewise."""

USER = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}"
"""What a user's name may be, to be told to the daemon."""

Reply = Mapping[str, Any]
"""The fields of an answer, for ``--json``; ``said``, a list of sentences for people, among them."""


class Asked(BaseModel):
    """What all requests have in common."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    sudo: str = Field(default="", pattern=rf"^({USER})?$")
    """Who called sudo, as the command says: believed of root alone, who could say anything."""


class Status(Asked):
    """How things stand."""

    do: Literal["status"] = "status"


class Unlock(Asked):
    """One release, for some seconds or for as long as for anybody."""

    do: Literal["unlock"] = "unlock"
    seconds: float | None = Field(default=None, ge=1, le=600)


class HoldOpen(Asked):
    """Hold the door open for so many seconds from now; 0 ends it."""

    do: Literal["hold-open"] = "hold-open"
    seconds: float = Field(ge=0, le=86400)


class Lockdown(Asked):
    """Let nobody in, or end that."""

    do: Literal["lockdown"] = "lockdown"
    on: bool


class ClearLocks(Asked):
    """End every lock that failed attempts have led to."""

    do: Literal["clear"] = "clear"


class Reload(Asked):
    """Read the configuration again."""

    do: Literal["reload"] = "reload"


class SyncNow(Asked):
    """Look at the folder of photos now."""

    do: Literal["sync"] = "sync"


class AboutPerson(Asked):
    """Deny, allow or forget a person."""

    do: Literal["deny", "allow", "forget"]
    name: str = Field(max_length=400)


class AboutPhotos(Asked):
    """Approve or reject a person's held photos: all, or one."""

    do: Literal["approve", "reject"]
    name: str = Field(max_length=400)
    photo: int | None = Field(default=None, ge=1, le=2**53)
    force: bool = False


DoorRequest = Unlock | HoldOpen | Lockdown | ClearLocks
"""What ``step`` decides on."""

LoopRequest = Status | DoorRequest | Reload
"""What only the frame loop can carry out, or tell."""

StoreRequest = AboutPerson | AboutPhotos

Request = LoopRequest | StoreRequest | SyncNow

_REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="do")])


def request_of(line: bytes) -> Request:
    """Understand a request.

    Args:
        line: with its line end.

    Raises:
        RequestError: it is no request, too long, or more than one.
    """
    if len(line) > MOST_REQUEST:
        raise RequestError(f"a request has at most {MOST_REQUEST} bytes")
    body, end, rest = line.partition(b"\n")
    if not end or rest:
        raise RequestError("a request is one line" if rest else "the request's line has no end")
    try:
        return _REQUEST.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:80]
        told = f"{where}: {first['msg']}" if where else first["msg"]
        raise RequestError(f"no request that is known here: {told[:200]!a}") from error


def told_error(error: DoorctlError) -> bytes:
    """An error as a reply."""
    fields = {"error": error.message[:2000], "hint": error.hint[:2000], "code": error.exit_code}
    return _line({"ok": False, **fields})


def told(reply: Reply) -> bytes:
    """An answer as a reply; an error in its place if it is too long."""
    line = _line({"ok": True, **reply})
    if len(line) > MOST_REPLY:
        return told_error(DaemonError("done, but the answer is too long to be told", "see 'doorctl events'"))
    return line


def reply_of(line: bytes) -> dict[str, Any]:
    """Understand a reply.

    Raises:
        DaemonError: it is an error, with its exit code, or no reply at all.
    """
    try:
        fields = json.loads(line)
        if not fields.pop("ok"):
            error = DaemonError(str(fields["error"]), str(fields["hint"]), int(fields["code"]))
        else:
            return dict(fields)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as why:
        told = "the daemon's answer cannot be understood"
        raise DaemonError(told, "is it of another version? restart it") from why
    raise error


def _line(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields).encode() + b"\n"
