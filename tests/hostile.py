"""Ten thousand things that nobody should say to a door: made by hypothesis, sent from a process of its own.

``python -m tests.hostile PLACE COUNT SEED all|wrong`` sends them to the socket in PLACE, eight at a time, and
prints how they were answered. ``wrong`` leaves out whatever the daemon would understand and carry out, by
its own parser's word, but for the question of how things stand: it is for a user who may command.
"""

from __future__ import annotations

import json
import socket
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, assume, given, seed
from hypothesis import settings as trying
from hypothesis import strategies as st

from doorctl.app.control_wire import MOST_REQUEST, SOCKET, Status, request_of
from doorctl.errors import RequestError

REQUESTS: list[dict[str, Any]] = [
    {"do": "status"},
    {"do": "unlock"},
    {"do": "unlock", "seconds": 5},
    {"do": "hold-open", "seconds": 3600},
    {"do": "lockdown", "on": True},
    {"do": "lockdown", "on": False},
    {"do": "clear"},
    {"do": "reload"},
    {"do": "sync"},
    {"do": "deny", "name": "Grace Hopper"},
    {"do": "forget", "name": "Grace Hopper"},
    {"do": "approve", "name": "Grace Hopper", "photo": 1, "force": True},
]
"""What may be said."""

AT_ONCE = 8


def dangerous(message: bytes) -> bool:
    """Whether the daemon would do something at this."""
    try:
        return not isinstance(request_of(message), Status)
    except RequestError:
        return False


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["on", "", "#1"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
keys = st.sampled_from(
    ["do", "seconds", "on", "name", "photo", "force", "sudo", "by", "ok", "uid"]
) | st.text(max_size=8)


@st.composite
def nearly(draw: st.DrawFn) -> bytes:
    """A request of which something was changed, as values."""
    fields = dict(draw(st.sampled_from(REQUESTS)))
    for _ in range(draw(st.integers(1, 3))):
        key = draw(keys | st.sampled_from(sorted(fields)) if fields else keys)
        if draw(st.booleans()):
            fields[key] = draw(values)
        else:
            fields.pop(key, None)
    return json.dumps(fields, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass") + b"\n"


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A request of which some bytes were changed, lost, doubled or added."""
    line = bytearray(json.dumps(draw(st.sampled_from(REQUESTS))).encode() + b"\n")
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(line)))
        end = draw(st.integers(place, min(len(line), place + 6)))
        line[place:end] = draw(st.binary(max_size=6) | st.just(bytes(line[place:end]) * 2))
    return bytes(line)


huge = st.builds(
    lambda what, times, end: what * times + end,
    st.sampled_from([b"[", b'{"do":', b"\0", b"a", b'{"do":"unlock"}\n', b"\xf0\x9f\x9a\xaa"]),
    st.integers(1, 2 * MOST_REQUEST),
    st.sampled_from([b"", b"\n"]),
)

messages = (
    st.binary(max_size=300)
    | values.map(lambda v: json.dumps(v).encode() + b"\n")
    | nearly()
    | broken()
    | huge
)


def send_all(batch: list[bytes], place: str) -> Counter[str]:
    """Say each on a connection of its own, all of them before the first answer is read."""
    links, answers = list[socket.socket](), Counter[str]()
    for message in batch:
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.settimeout(30)
        link.connect(place)
        links.append(link)
        with suppress(OSError):
            link.sendall(message)
            link.shutdown(socket.SHUT_WR)
    for link in links:
        got = b""
        with suppress(ConnectionError):
            while new := link.recv(65536):
                got += new
        link.close()
        answers[str(json.loads(got).get("code", "ok")) if got else "none"] += 1
    return answers


def main(place: str, count: int, number: int, leave_out: bool) -> None:
    batch, answers = list[bytes](), Counter[str]()

    @seed(number)
    @trying(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(messages)
    def send(message: bytes) -> None:
        assume(not (leave_out and dangerous(message)))
        batch.append(message)
        if len(batch) == AT_ONCE:
            answers.update(send_all(batch, place))
            batch.clear()

    send()
    answers.update(send_all(batch, place))
    print(json.dumps(answers))


if __name__ == "__main__":
    main(str(Path(sys.argv[1], SOCKET)), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "wrong")
