"""The lines of the README's page, typed one after the other inside the root by a user called anna.

The standard library alone. Each line is typed at a terminal as it stands, questions are answered, and it must
end well; what should then be so is looked at. Not shown is what wants the real thing: camera and pins are
simulated, so no picture is turned and no pin is taken; whoever stands there is not asked whether they live.
"""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from scripts.proofs.guest import STATE, FellError, active, edges, expect, run, shown, until

HOME = Path("/home/anna")
WORDS = "correct horse battery staple"
ANSWERS = (
    (re.compile("(?:assphrase|confirmation)[^\n]*: ?$"), WORDS),
    (re.compile("press Enter[^\n]*$"), ""),
    (re.compile(r"\[y/N\][^\n]*$"), "y"),
)
"""What is asked at the terminal, and what anna answers."""
NOT_HERE = {
    "ssh ": "each line here is typed by anna after a login of its own",
    "exit": "likewise",
    "scp ": "there is no other computer; the photos are there",
    "sudo reboot": "it would end the proof",
    "sudo apt install -y rpicam-apps": "Debian has none",
    "rpicam-vid": "no camera; a clip made from the simulated one's pictures",
    "sudo mount": "no stick; a directory",
    "sudo umount": "likewise",
}
"""Beginnings of lines that cannot be typed here, and why."""
INSTEAD = {
    "git clone ADDRESS_OF_THIS_PROJECT doorctl": "cp -r /checkouts/0.1.0 doorctl",
    "git pull": "cp -r /checkouts/0.1.6/. .",
    "sudo scripts/install": "sudo scripts/install --models /nets",
}
"""The project has no address here, and where nets are at hand they are not fetched from their publishers."""
if not Path("/nets").is_dir():
    del INSTEAD["sudo scripts/install"]
EDITOR = """\
#!/bin/sh
# What anna changes: the door is simulated, and its camera shows a person who never moves by herself.
cat >"$1" <<END
camera: {source: /var/lib/doorctl/walk, loop: true, fps: 5}
gpio: {pins: simulated}
liveness: {mode: off, i_understand_photos_open_this_door: true}
door: {regrant_seconds: 3}
END
"""


def lines() -> list[tuple[str, str]]:
    """The page's commands, each with the step or the heading that it stands under."""
    text = Path("/proof/README.md").read_text()
    page = text[text.index("### From a blank card") : text.index("## One frame's way")]
    found, where = [], ""
    for line in page.splitlines():
        if head := re.match(r"(?:### |(\d+)\. )?\**([^*.]+)", line):
            if line.startswith("### "):
                where = head[2]
            elif head[1]:
                where = f"{head[1]}. {head[2]}"
            elif line.startswith("**"):
                where = head[2]
        if command := re.fullmatch(
            r" {4,}(?=(?:sudo|sudoedit|ssh|scp|git|cd|rm|doorctl|rpicam-vid) |exit$)(.*)", line
        ):
            found.append((where, command[1]))
    return found


def typed(line: str, where: Path, seconds: float = 400.0) -> tuple[int, str]:
    """Type a line at a terminal of anna's, who has logged in anew; its exit code, and what was shown."""
    words = ["runuser", "-l", "anna", "--session-command", f"cd '{where}' && {line}"]
    keep = ",".join(name for name in os.environ if name.startswith("PIP_") or name.endswith("_PROXY"))
    pid, terminal = pty.fork()
    if not pid:
        os.environ["SUDO_EDITOR"] = "/proof/edit"
        names = ",".join(filter(None, (keep, "SUDO_EDITOR", "SSL_CERT_FILE")))
        os.execvp(words[0], [*words[:2], f"--whitelist-environment={names}", *words[2:]])
    shown_, answered, end = "", 0, time.monotonic() + seconds
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.5)[0]:
            # Not sooner: what is typed before a question is asked is not heard.
            for question, answer in ANSWERS:
                if question.search(shown_[answered:]):
                    os.write(terminal, f"{answer}\n".encode())
                    answered = len(shown_)
            continue
        try:
            got = os.read(terminal, 65536)
        except OSError:  # the other side has hung up
            break
        shown_ += got.decode(errors="replace").replace("\r", "")
    else:
        shown_ += "\n(no end)"
        os.killpg(pid, signal.SIGKILL)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown_


def granted(since: float) -> str:
    """The door opens for the person who stands there."""
    active()
    until(lambda: any(edge.level for edge in edges(since)), 60.0, "the door opens")
    return "the pin went on: the door opened for who stands there"


def whole() -> None:
    """Root's commands have left nothing that the daemon cannot read or write."""
    if STATE.exists():
        strange = run("find", str(STATE), "!", "-user", "doorctl").stdout
        expect(not strange, f"not the daemon's: {strange}")


def locked_down(_: float) -> str:
    began = time.monotonic() + 4.0  # a release that is under way
    time.sleep(12.0)
    expect(not any(edge.level for edge in edges(began)), "no release in a lockdown")
    return "for 12 s the person who stands there was not let in"


def killed(since: float) -> str:
    until(lambda: shown("NRestarts") not in ("", "0"), 30.0, "started again")
    pid = active()
    return f"process {pid} works again after {time.monotonic() - since:.0f} s"


def photos() -> None:
    """What anna has brought: two photos, and a stick."""
    for name in ("hopper-1.jpg", "hopper-2.jpg"):
        if name == "hopper-1.jpg":
            shutil.copy("/proof/photo.png", HOME / "doorctl" / name)
        else:
            frames = sorted(Path("/proof/walk").iterdir())
            shutil.copy(frames[len(frames) // 2], HOME / "doorctl" / name)
    shutil.copy("/proof/walk.mp4", HOME / "doorctl/walk.mp4")
    run("chown", "-R", "anna:", str(HOME / "doorctl"))
    Path("/media/stick").mkdir(parents=True, exist_ok=True)


def before(line: str) -> None:
    """What happens at the door, and not at the terminal, before a line is typed."""
    if line.startswith(("sudo doorctl check", "sudo systemctl start")) and not (STATE / "walk").exists():
        shutil.copytree("/proof/walk", STATE / "walk")
        run("chown", "-R", "doorctl:", str(STATE))
    if "replay walk.mp4" in line:
        photos()


AFTER: dict[str, Callable[[float], str]] = {
    "sudo systemctl start doorctl": granted,
    "doorctl lockdown on": locked_down,
    "doorctl lockdown off": granted,
    "sudo systemctl kill": killed,
}
"""What must be so after a line."""


def one(line: str, where: Path) -> tuple[Path, list[str]]:
    """Type one line; where anna is then, and what there is to tell."""
    facts = []
    if line in INSTEAD:
        facts.append(f"typed instead: {INSTEAD[line]}")
    if line.startswith("cd "):
        where = HOME / line.removeprefix("cd ")
        expect(where.is_dir(), f"{where} is there")
        return where, facts
    before(line)
    since = time.monotonic()
    code, told = typed(INSTEAD.get(line, line), where)
    expect(code == 0, f"exit code {code}: {told[-3000:]}")
    last = [row for row in told.splitlines() if row.strip()][-3:]
    facts += [f"  {row}" for row in last]
    for begins, look in AFTER.items():
        if line.startswith(begins):
            facts.append(look(since))
    whole()
    return where, facts


def other_card() -> list[tuple[str, str]]:
    """As on another Pi: all of it is removed, steps 3 and 4 are done again, and the backup brings it back."""
    steps = [(step, line) for step, line in lines() if step.startswith(("3.", "4."))]
    restore = [("", line) for _, line in lines() if "doorctl restore" in line or "systemctl start" in line]
    again = [("another card", line) for _, line in steps if not line.startswith("git clone")]
    return [("another card", "sudo scripts/install --purge --yes"), *again, *restore[-2:]]


def main() -> int:
    run("useradd", "--create-home", "--shell", "/bin/bash", "--groups", "sudo", "anna")
    Path("/etc/sudoers.d/anna").write_text(
        'anna ALL=(ALL) NOPASSWD: ALL\nDefaults env_keep += "PIP_* SSL_CERT_FILE *_PROXY"\n'
    )
    Path("/proof/edit").write_text(EDITOR)
    Path("/proof/edit").chmod(0o755)
    passed, failed, where, under = 0, 0, HOME, ""
    for step, line in [*lines(), *other_card()]:
        if step and step != under:
            print(f"{step}")
            under = step
        if step == "Upgrade" and line == "cd doorctl":
            where = HOME
        if not_here := next((why for begins, why in NOT_HERE.items() if line.startswith(begins)), ""):
            print(f"----  $ {line}  (not typed: {not_here})")
            continue
        began, facts, why = time.monotonic(), list[str](), ""
        try:
            where, facts = one(line, where)
        except FellError as error:
            why = str(error)
        except Exception:  # noqa: BLE001 - the lines after it are still to be typed
            why = traceback.format_exc()
        failed += bool(why)
        passed += not why
        print(f"{'FAIL' if why else 'PASS'}  $ {line}  ({time.monotonic() - began:.0f} s)")
        for told in (*facts, *why.splitlines()):
            print(f"        {told}")
    with suppress(subprocess.SubprocessError):
        run("systemctl", "stop", "doorctl")
    print(f"END {passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
