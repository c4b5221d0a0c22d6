"""A network camera that can be made to fail: RTSP (RFC 2326) over TCP, its pictures JPEG in RTP (RFC 2435).

What the daemon does with it is all its own: FFmpeg connects, waits and gives up as it would at a real camera.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO, Self

import cv2

from doorctl.core.records import Image

CLOCK = 90_000
"""RTP's ticks in a second, for pictures."""
PIECE = 8000
"""Bytes of a picture in one packet: what FFmpeg expects at most."""
BASELINE, TABLES, SCAN = 0xC0, 0xDB, 0xDA
"""Markers of JPEG: how the picture is coded, its quantisation tables, and its end of headers."""
QUALITY = 90
DESCRIPTION = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=door\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 26\r\na=control:picture\r\na=framerate:{fps}\r\n"
)


class State(Enum):
    """How the camera is."""

    WELL = "well"
    FROZEN = "frozen"
    """It gives one and the same picture."""
    HANGING = "hanging"
    """Its connections stand, and nothing comes."""
    GONE = "gone"
    """Its connections are cut, and nobody listens."""


@dataclass(frozen=True)
class Shot:
    """A picture, ready to be sent: the content of its packets."""

    pieces: tuple[bytes, ...]


def take(image: Image) -> Shot:
    """A picture (height x width x 3, both sides multiples of 8) as a camera sends it."""
    done, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done
    data, tables, subsampled, place = coded.tobytes(), b"", True, 2
    while True:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        segment, place = data[place + 4 : place + 2 + length], place + 2 + length
        if marker == TABLES:
            tables += b"".join(segment[at + 1 : at + 65] for at in range(0, len(segment), 65))
        elif marker == BASELINE:
            subsampled = segment[7] == 0x22
        elif marker == SCAN:
            break
    scan = data[place:-2]
    kind, (height, width) = int(subsampled), image.shape[:2]
    pieces = []
    for at in range(0, len(scan), PIECE):
        head = struct.pack(">I4B", at, kind, 255, width // 8, height // 8)
        if not at:
            head += struct.pack(">BBH", 0, 0, len(tables)) + tables
        pieces.append(head + scan[at : at + PIECE])
    return Shot(tuple(pieces))


class NetworkCamera:
    """A camera at an address of this machine, which stays the same whatever happens to it.

    Args:
        look: asked for what it sees, so many times a second, whether anybody watches or not.
        fps: pictures a second.
    """

    def __init__(self, look: Callable[[], Shot], fps: int) -> None:
        self._look, self._fps = look, fps
        self._changed = threading.Condition()
        self._state, self._shot, self._count = State.WELL, look(), 0
        self._links: set[socket.socket] = set()
        self._door: socket.socket | None = self._listen(0)
        self.address = f"rtsp://127.0.0.1:{self._door.getsockname()[1]}/door"
        self._stopping = False
        self._threads = [threading.Thread(target=self._tick, name="camera")]

    def __enter__(self) -> Self:
        self._accept()
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.set(State.GONE)
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def set(self, state: State) -> None:
        """Be so from now on."""
        with self._changed:
            before, self._state = self._state, state
            self._changed.notify_all()
            if state is State.GONE and self._door is not None:
                port = self._door.getsockname()[1]
                self._cut(self._door)
                self._door, self._port = None, port
                for link in self._links:
                    self._cut(link)
        if before is State.GONE and state is not State.GONE:
            self._door = self._listen(self._port)
            self._accept()

    @staticmethod
    def _cut(link: socket.socket) -> None:
        with suppress(OSError):
            link.shutdown(socket.SHUT_RDWR)
        link.close()

    @staticmethod
    def _listen(port: int) -> socket.socket:
        return socket.create_server(("127.0.0.1", port))

    def _tick(self) -> None:
        begun, count = time.monotonic(), 0
        while not self._stopping:
            count += 1
            time.sleep(max(0.0, begun + count / self._fps - time.monotonic()))
            shot = self._look()
            with self._changed:
                if self._state is State.WELL:
                    self._shot = shot
                if self._state in (State.WELL, State.FROZEN):
                    self._count += 1
                    self._changed.notify_all()

    def _accept(self) -> None:
        door = self._door
        assert door is not None

        def run() -> None:
            with suppress(OSError):  # it is closed
                while True:
                    link, _ = door.accept()
                    with self._changed:
                        self._links.add(link)
                    threading.Thread(target=self._serve, args=(link,), name="camera's viewer").start()

        self._threads.append(threading.Thread(target=run, name="camera's door"))
        self._threads[-1].start()

    def _serve(self, link: socket.socket) -> None:
        link.settimeout(10.0)
        try:
            with link.makefile("rb") as lines:
                self._introduce(link, lines)
            for packets in self._stream():
                link.sendall(packets)
                while select.select([link], [], [], 0)[0]:  # the other side's reports, which nobody reads
                    if not link.recv(4096):
                        return
        except (OSError, ValueError):
            pass  # they have gone, or it has been closed
        finally:
            with self._changed:
                self._links.discard(link)
            self._cut(link)

    def _introduce(self, link: socket.socket, lines: BinaryIO) -> None:
        """Answer until a stream is asked for."""
        while request := list(iter(lambda: lines.readline().decode().strip(), "")):
            with self._changed:
                self._changed.wait_for(lambda: self._state is not State.HANGING or self._stopping)
            method = request[0].split()[0]
            number = next(line for line in request if line.lower().startswith("cseq"))
            head, body = ["Session: 1"], ""
            if method == "OPTIONS":
                head = ["Public: DESCRIBE, SETUP, PLAY, TEARDOWN"]
            elif method == "DESCRIBE":
                body = DESCRIPTION.format(fps=self._fps)
                head = ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
            elif method == "SETUP":
                head.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
            answer = ["RTSP/1.0 200 OK", number, *head, "", body]
            link.sendall("\r\n".join(answer).encode())
            if method == "PLAY":
                return
        raise ValueError("nothing was asked for")

    def _stream(self) -> Iterator[bytes]:
        """The newest picture, over and over, as packets."""
        sequence, seen = 0, -1
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._count != seen or self._stopping)  # noqa: B023 - as it is now
                if self._stopping:
                    return
                seen, shot = self._count, self._shot
            ticks, packets = int(time.monotonic() * CLOCK) & 0xFFFFFFFF, b""
            for number, piece in enumerate(shot.pieces, 1):
                last = 0x80 if number == len(shot.pieces) else 0
                head = struct.pack(">BBHII", 0x80, 26 | last, sequence & 0xFFFF, ticks, 1)
                packets += b"$\0" + struct.pack(">H", len(head) + len(piece)) + head + piece
                sequence += 1
            yield packets
