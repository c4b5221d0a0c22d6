"""The thread that listens for commands while the door runs.

Whoever comes may say one line and gets one line back. Nothing that they do holds up the frame loop: so many
are listened to at a time and in a second, each for so long, and each may say so much.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from types import TracebackType
from typing import Self

from doorctl.app.control_orders import PATIENCE_SECONDS, Order, too_late
from doorctl.app.control_peer import Peer, caller, peer_of, user_name
from doorctl.app.control_socket import not_permitted
from doorctl.app.control_wire import MOST_REPLY, MOST_REQUEST, Request, request_of, told_error
from doorctl.errors import DaemonError, DoorctlError, NoAnswerError

log = logging.getLogger(__name__)

MOST_AT_ONCE = 8
SAY_SECONDS = 2.0
"""So long somebody may take to say what they want."""
PER_SECOND = 20.0
"""So many are listened to in a second, and at once after a quiet one; the others wait in the backlog. To
listen takes a processor away from the frame loop, and more than that are no people."""
WARN_SECONDS = 60.0
"""The same is not warned of again for so long."""
NO_FILES_SECONDS = 1.0
"""So long nobody is listened to when the process has no file number left."""

Handle = Callable[[Request, str, Callable[[], object]], bytes | Order]
"""Given a request, who it is from, and what to call when an order is done: a reply, or an order to await."""


@dataclass(slots=True)
class _Talk:
    """One connection."""

    link: socket.socket
    peer: Peer
    deadline: float
    heard: bytearray = field(default_factory=bytearray)
    order: Order | None = None


class Control:
    """Listens until closed.

    Args:
        door: a listening socket that does not block.
        may: whether somebody may command.
        handle: does what is asked, in this object's thread.
        per_second: see ``PER_SECOND``.
    """

    def __init__(
        self,
        door: socket.socket,
        may: Callable[[Peer], bool],
        handle: Handle,
        *,
        per_second: float = PER_SECOND,
    ) -> None:
        self._door, self._may, self._handle, self._rate = door, may, handle, per_second
        self._poll = select.poll()  # tells who has gone from who has only said everything
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._talks: dict[int, _Talk] = {}
        self._listens = False
        self._room, self._counted_at, self._deaf_until = per_second, time.monotonic(), -inf
        self._warned: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)

    def __enter__(self) -> Self:
        self._poll.register(self._bell, select.POLLIN)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._ring()
        self._thread.join(5.0)
        if not self._thread.is_alive():  # or it is in a command, and ends with the process
            os.close(self._bell)

    def _ring(self) -> None:
        os.eventfd_write(self._bell, 1)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._turn()
            except Exception:
                # The door goes on without its commands, whatever this is; it must not end unseen.
                log.exception("listening for commands failed")
                self._stop.wait(1.0)
        for talk in list(self._talks.values()):
            order = talk.order
            answer = order.answer if order is not None and not order.claimed() else told_error(_stopping())
            self._end(talk, answer or b"")

    def _turn(self) -> None:
        self._open_or_shut()
        for number, _ in self._poll.poll(self._sleep()):
            if number == self._bell:
                os.eventfd_read(self._bell)
            elif number == self._door.fileno():
                self._admit()
            elif talk := self._talks.get(number):
                self._attend(talk)
        now = time.monotonic()
        for talk in list(self._talks.values()):
            self._look_after(talk, now)

    def _open_or_shut(self) -> None:
        """Listen for newcomers only as long as there is room for one."""
        now = time.monotonic()
        self._room = min(max(1.0, self._rate), self._room + (now - self._counted_at) * self._rate)
        self._counted_at = now
        listens = self._room >= 1 and len(self._talks) < MOST_AT_ONCE and now >= self._deaf_until
        if listens and not self._listens:
            self._poll.register(self._door, select.POLLIN)
        elif self._listens and not listens:
            self._poll.unregister(self._door)
        self._listens = listens

    def _sleep(self) -> float | None:
        """Milliseconds until something is due; ``None`` if nothing is."""
        now = time.monotonic()
        due = [talk.deadline for talk in self._talks.values() if talk.order is None]
        ends = [talk.order.at + PATIENCE_SECONDS for talk in self._talks.values() if talk.order is not None]
        # An order whose time is over and that is there still is just being carried out: the bell will tell.
        due += [end for end in ends if end > now]
        if not self._listens and len(self._talks) < MOST_AT_ONCE:
            due.append(max(self._deaf_until, self._counted_at + max(0.0, 1 - self._room) / self._rate))
        return max(1.0, 1000 * (min(due) - now)) if due else None

    def _admit(self) -> None:
        try:
            link, _ = self._door.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError as error:
            self._deaf_until = time.monotonic() + NO_FILES_SECONDS
            self._warn("no command can be listened to for a moment: %s", error.strerror)
            return
        self._room -= 1
        try:
            link.setblocking(False)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_REPLY)
            talk = _Talk(link, peer_of(link), time.monotonic() + SAY_SECONDS)
            may = self._may(talk.peer)
        except BaseException as error:  # nobody is listened to of whom it is not known that they may
            link.close()
            if isinstance(error, OSError):
                return
            raise
        self._talks[link.fileno()] = talk
        self._poll.register(link, select.POLLIN)
        if not may:
            name = user_name(talk.peer.uid)
            self._warn("%s (process %d) may not command this door", name, talk.peer.pid)
            self._end(talk, told_error(not_permitted(name)))

    def _attend(self, talk: _Talk) -> None:
        """Something has come from somebody, or they have gone."""
        if talk.order is not None:
            talk.order.claimed()  # they wait no longer: nothing is to be done that has not begun
            self._end(talk)
            return
        try:
            new = talk.link.recv(MOST_REQUEST + 1 - len(talk.heard))
        except BlockingIOError:
            return
        except OSError:
            self._end(talk)
            return
        talk.heard += new
        if new and b"\n" not in talk.heard and len(talk.heard) <= MOST_REQUEST:
            return
        if _gone(talk.link):
            self._end(talk)
            return
        answer = self._answer(talk)
        if isinstance(answer, bytes):
            self._end(talk, answer)
        else:
            talk.order = answer
            self._poll.modify(talk.link, 0)  # from now on only that they have gone

    def _answer(self, talk: _Talk) -> bytes | Order:
        try:
            request = request_of(bytes(talk.heard))
            return self._handle(request, caller(talk.peer.uid, request.sudo), self._ring)
        except DoorctlError as error:
            return told_error(error)
        except Exception as error:
            log.exception("a command failed")
            return told_error(DaemonError(f"{type(error).__name__} within the daemon", "see its log", 70))

    def _look_after(self, talk: _Talk, now: float) -> None:
        """Answer whoever can be answered, and give up whoever took too long."""
        order = talk.order
        if order is not None:
            if order.answer is not None:
                self._end(talk, order.answer)
            elif now - order.at >= PATIENCE_SECONDS and order.claimed():
                self._end(talk, told_error(too_late()))
        elif now >= talk.deadline:
            self._attend(talk)  # it may have come while somebody else was attended to
            if talk.order is None and talk.link.fileno() >= 0:
                late = NoAnswerError(f"it was not said within {SAY_SECONDS:g} s what is wanted", "try again")
                self._end(talk, told_error(late))

    def _end(self, talk: _Talk, answer: bytes = b"") -> None:
        """Hang up, after one try to answer: a reply fits into what the kernel keeps."""
        self._poll.unregister(talk.link)
        del self._talks[talk.link.fileno()]
        try:
            if answer:
                talk.link.send(answer, socket.MSG_NOSIGNAL)
        except OSError:
            pass  # they have gone
        talk.link.close()

    def _warn(self, what: str, *details: object) -> None:
        now = time.monotonic()
        if now - self._warned.get(what, -inf) >= WARN_SECONDS:
            self._warned[what] = now
            log.warning(what, *details)


def _gone(link: socket.socket) -> bool:
    """Whether the other side has hung up, and not only said everything that it had to say."""
    ask = select.poll()
    ask.register(link, 0)
    return bool(ask.poll(0))


def _stopping() -> NoAnswerError:
    return NoAnswerError("the daemon is being stopped, and nothing was done")
