"""The doorctl command as processes of its own, without the time that Python takes to start and to import.

A server, one for each run of the tests, has imported what every command does. For each it forks a child that
gets the caller's environment, directory and files, and runs ``python -m doorctl`` from first line to last. It
does not get the caller's limits, umask and user: a test of those starts a Python of its own.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, NoReturn

TOP = Path(__file__).resolve().parents[1]
FIRST = "import sys; from tests.forked import serve; serve(int(sys.argv[1]))"
BEFOREHAND = ("cryptography.hazmat.primitives.ciphers.aead", "cv2", "doorctl.cli", "numpy", "rich.table")
SECONDS = 60.0
"""A command that takes longer hangs."""


class Server:
    """Starts commands, for as long as the process lives that has made it."""

    def __init__(self) -> None:
        self._asks, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with asked:
            words = [sys.executable, "-c", FIRST, str(asked.fileno())]
            self._process = subprocess.Popen(words, pass_fds=[asked.fileno()], cwd=TOP)

    def run(self, arguments: list[str], environment: dict[str, str], out: IO[bytes], err: IO[bytes]) -> int:
        """Run a command to its end, which has nothing to read; its exit code, or minus the signal's number.

        Raises:
            subprocess.TimeoutExpired: it took longer than a command may, and was killed.
        """
        heard, answers = socket.socketpair()
        with heard:
            with answers:
                request = json.dumps([arguments, environment, str(Path.cwd())]).encode()
                handles = [answers.fileno(), out.fileno(), err.fileno()]
                socket.send_fds(self._asks, [request], handles)
            heard.settimeout(SECONDS)
            told, pid = heard.makefile("rb"), 0
            try:
                pid = int(told.readline())
                return int(told.readline())
            except TimeoutError:
                with suppress(ProcessLookupError):
                    if pid:
                        os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(["doorctl", *arguments], SECONDS) from None


def serve(number: int) -> None:
    """Be the server, until nobody is left to ask."""
    for module in BEFOREHAND:
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=number) as asked:
        while True:
            request, handles, _, _ = socket.recv_fds(asked, 1_000_000, 3)
            if not request:
                return
            if not os.fork():
                asked.close()
                _wait_for(*json.loads(request), *handles)
            for handle in handles:
                os.close(handle)


def _wait_for(arguments: list[str], environment: dict[str, str], place: str, *handles: int) -> NoReturn:
    """Be between server and command: start it, and tell its number and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    answer, out, err = handles
    pid = os.fork()
    if not pid:
        os.close(answer)
        _become(arguments, environment, place, out, err)
    os.write(answer, f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    os.write(answer, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(arguments: list[str], environment: dict[str, str], place: str, out: int, err: int) -> NoReturn:
    """Be the command."""
    os.chdir(place)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    with Path(os.devnull).open() as nothing:
        for number, handle in enumerate((nothing.fileno(), out, err)):
            os.dup2(handle, number)
    os.close(out)
    os.close(err)
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8", write_through=True)
    sys.stderr = io.TextIOWrapper(
        io.FileIO(2, "w", closefd=False), "utf-8", "backslashreplace", write_through=True
    )
    sys.argv = ["doorctl", *arguments]
    runpy.run_module("doorctl", run_name="__main__", alter_sys=True)
    sys.exit(0)
