"""Try out what a service's surroundings allow, from within; one JSON line of [what, found, expected].

Run by the system's Python as ``ExecStartPre`` of the unit, so nothing but the standard library is used. A
device that is allowed but has no hardware answers ENXIO; one that is not is refused with EPERM before that.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import socket
from collections.abc import Callable
from pathlib import Path

C = ctypes.CDLL(None, use_errno=True)
TIMEX_BYTES = 512
CLONE_NEWUSER = 0x10000000
OPEN = "opens"


def outcome(what: Callable[[], object]) -> str:
    try:
        what()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return OPEN


def called(name: str, *values: object) -> None:
    """A function of the C library, whose failure raises OSError."""
    if getattr(C, name)(*values) < 0:
        raise OSError(ctypes.get_errno(), name)


def device(path: Path) -> str:
    """What opening it comes to: allowed, whether or not there is hardware behind it, or not."""
    found = outcome(lambda: os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)))
    return OPEN if found in (OPEN, "ENXIO", "ENODEV", "EBUSY", "EINVAL") else found


def devices() -> dict[str, str]:
    """A node for each group of devices that the kernel has, made beforehand, and what is expected of it."""
    wanted = dict.fromkeys(("gpiochip", "video4linux", "media", "dma_heap", "alsa"), OPEN)
    wanted |= dict.fromkeys(("mem", "input", "vfio", "fb", "rtc", "misc", "ptp", "watchdog"), "EPERM")
    return {name: wanted[name] for name in wanted if Path(f"/dev/proof-{name}").exists()}


def main() -> None:
    lines = [
        [f"device {name}", device(Path(f"/dev/proof-{name}")), wanted] for name, wanted in devices().items()
    ]
    spare = ctypes.create_string_buffer(TIMEX_BYTES)
    zero = ctypes.create_string_buffer(16)
    lines += [
        ["asking whether the clock is kept", outcome(lambda: called("adjtimex", spare)), OPEN],
        ["setting the clock", outcome(lambda: called("clock_settime", 0, zero)), "EPERM"],
        ["a new user namespace", outcome(lambda: called("unshare", CLONE_NEWUSER)), "EPERM"],
        ["memory to write and run", outcome(lambda: mmap.mmap(-1, 4096, prot=7).close()), "EPERM or EACCES"],
        ["raw sockets", outcome(lambda: socket.socket(socket.AF_PACKET).close()), "EAFNOSUPPORT"],
        ["sockets of the Internet", outcome(lambda: socket.socket(socket.AF_INET).close()), OPEN],
        ["netlink", outcome(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close()), OPEN],
        ["writing to /etc/doorctl", outcome(lambda: Path("/etc/doorctl/x").write_text("")), "EROFS"],
        ["writing to /opt/doorctl", outcome(lambda: Path("/opt/doorctl/x").write_text("")), "EROFS"],
        ["reading /home", outcome(lambda: list(Path("/home").iterdir())), "EACCES"],
        ["reading others' processes", outcome(lambda: Path("/proc/1/cmdline").read_bytes()), "ENOENT"],
        ["reading the processor's abilities", outcome(lambda: Path("/proc/cpuinfo").read_bytes()), OPEN],
        ["less priority", outcome(lambda: os.setpriority(os.PRIO_PROCESS, 0, 1)), OPEN],
        ["more priority", outcome(lambda: os.setpriority(os.PRIO_PROCESS, 0, -20)), "EACCES"],
        ["writing to a photo folder's place", outcome(_photo), OPEN],
        ["writing to the state directory", outcome(_state), OPEN],
    ]
    print("confined: " + json.dumps(lines), flush=True)


def _photo() -> None:
    (Path("/srv/doorctl") / "x").write_text("")


def _state() -> None:
    file = Path("/var/lib/doorctl/x")
    file.write_text("")
    file.unlink()


if __name__ == "__main__":
    main()
