"""``doorctl identify`` and ``doorctl replay``: the door's judgement on pictures and clips."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from doorctl.cli.events import event_fields
from doorctl.cli.output import (
    ConfigOption,
    DataOption,
    JsonOption,
    console,
    emit,
    event_line,
    parse_since,
    refuse_overwriting,
    rounded,
    settings_of,
    tell_error,
    warn,
)
from doorctl.errors import PhotoError

if TYPE_CHECKING:
    from doorctl.core.decision import Decision, Event
    from doorctl.core.inputs import Input
    from doorctl.core.judgement import Check
    from doorctl.core.policy import Policy
    from doorctl.core.quality import Limits, Quality
    from doorctl.core.records import Frame, Liveness, Observation, Reason


MARKS = {True: Text("  yes ", "green"), False: Text("  no  ", "red"), None: Text("  -   ", "dim")}
"""Before each gate of a judgement: passed, failed, not asked."""


def add_to(app: typer.Typer) -> None:
    app.command("identify", epilog="Example: doorctl identify visitor.jpg -o judged.png")(identify)
    app.command("replay", epilog="Example: doorctl replay monday.mp4 --annotate judged.mp4")(replay)


def identify(
    context: typer.Context,
    images: Annotated[list[Path], typer.Argument(help="Pictures to judge.", metavar="IMAGE...")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="OUT.png", help="Draw box, landmarks and name; one IMAGE only."
        ),
    ] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whom each picture shows, how sure the door is, and what it would refuse."""
    from doorctl.app.wiring import known_people, open_eye
    from doorctl.core.judgement import checks
    from doorctl.vision.draw import draw_face, write_picture
    from doorctl.vision.photo import read_photo
    from doorctl.vision.quality import measure

    if output and len(images) > 1:
        raise typer.BadParameter("-o draws one picture: give one IMAGE")
    if output:
        refuse_overwriting(output, images)
    settings = settings_of(context, config, data)
    eye = open_eye(settings)
    policy = eye.meet(known_people(settings, eye), settings.config)
    failed = False
    for path in images:
        try:
            picture = read_photo(path)
        except PhotoError as error:
            failed = True
            if as_json:
                emit({"image": str(path), "error": str(error)})
            else:
                tell_error(error)
            continue
        seen = eye.observer.judge_picture(picture)
        asked = checks(seen, policy)
        quality = measure(picture, seen.face) if seen.face else None
        life = eye.observer.life(picture, seen.face)[1] if seen.face else None
        fields = _judgement(path, seen, asked, policy, quality, life)
        if as_json:
            emit(fields)
        else:
            _tell_judgement(fields, asked)
            if fields["liveness"] is not None:
                console().print(
                    f"  live {fields['liveness']:.3f}, by this one picture: see 'doorctl liveness'"
                )
            if quality:
                _tell_quality(quality, eye.limits)
        if output:
            label = f"{fields['person'] or 'unknown'} {seen.match.score:.2f}" if seen.match else "no face"
            write_picture(output, draw_face(picture, seen.face, label))
    if failed:
        raise typer.Exit(PhotoError.exit_code)


def _judgement(
    path: Path,
    seen: Observation,
    asked: tuple[Check, ...],
    policy: Policy,
    quality: Quality | None,
    life: Liveness | None,
) -> dict[str, Any]:
    from doorctl.core.judgement import judge
    from doorctl.core.records import Reason

    match, reason = seen.match, judge(seen, policy)
    named = match is not None and match.person is not None and reason in (Reason.CONFIRMING, Reason.DENIED)
    box = seen.face.box if seen.face else None
    return {
        "image": str(path),
        "person": match.person.name if named and match and match.person else None,
        "reason": "recognised" if reason is Reason.CONFIRMING else reason.value,
        "score": rounded(match.score) if match else None,
        "similarity": rounded(match.similarity) if match else None,
        "margin": rounded(match.margin) if match else None,
        "liveness": rounded(life.score) if life and life.score is not None else None,
        "box": [round(v, 1) for v in (box.left, box.top, box.width, box.height)] if box else None,
        "gates": {check.name: check.passed for check in asked},
        "quality": {name: rounded(value) for name, value in asdict(quality).items()} if quality else None,
    }


def _tell_judgement(fields: dict[str, Any], asked: tuple[Check, ...]) -> None:
    out = console()
    who = fields["person"] or "nobody known"
    style = "green" if fields["reason"] == "recognised" else "red"
    out.print(Text.assemble(f"{fields['image']}: ", (who, style), f" ({fields['reason']})"))
    for check in asked:
        mark = MARKS[check.passed]
        value = "" if check.value is None else f"  {check.value:.3f}"
        limit = "" if check.limit is None else f", at least {check.limit:.3f} needed"
        value = "  not checked" if check.passed is None else value
        out.print(Text.assemble(mark, check.name, value, limit if value else ""))


def _tell_quality(quality: Quality, limits: Limits) -> None:
    from doorctl.core.quality import fault

    q, out = quality, console()
    out.print(
        f"  yaw {q.yaw:.0f}, pitch {q.pitch:.0f}, roll {q.roll:.0f} degrees; {q.size:.0f} pixels wide; "
        f"brightness {q.brightness:.2f}, sharpness {q.sharpness:.2f}"
    )
    out.print(
        f"  covered: eyes {q.eyes_occluded:.2f}, nose {q.nose_occluded:.2f}, mouth {q.mouth_occluded:.2f}; "
        f"mouth open {q.mouth_open:.2f}; inside {q.integrity:.2f}, off centre {q.off_centre:.2f}"
    )
    found = fault(quality, limits)
    if found:
        out.print(Text(f"  would not be enrolled: {found.told}", "yellow"))


def replay(
    context: typer.Context,
    clip: Annotated[str, typer.Argument(help="A video file or a folder of frames.", metavar="CLIP")],
    annotate: Annotated[
        Path | None,
        typer.Option(metavar="OUT.mp4", help="Write the clip with what the door saw and decided."),
    ] = None,
    realtime: Annotated[bool, typer.Option("--realtime", help="Play at the clip's own pace.")] = False,
    fps: Annotated[float, typer.Option(min=0.1, max=240, help="Frames a second of a folder of frames.")] = 10,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the challenges, to repeat a run; at a door they are secret.")
    ] = None,
    clock: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Date and time at the clip's start, for access rules; else now."),
    ] = None,
    inputs: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What the door's wires do, a line each: see below."),
    ] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Play a recording to the door, on a simulated relay, and print what it does.

    This is the daemon's own loop and decision. Times are seconds from the clip's start.
    Nothing is stored.

    A line of --inputs is a time in seconds and one of: rex press, rex release, contact open, contact close,
    tamper open, tamper close, fire alarm, fire clear, end (the replay goes on until then).
    """
    from doorctl.app.replay import Show, open_replay
    from doorctl.app.script import NOTHING, read_script
    from doorctl.gpio.indicator import TextIndicator
    from doorctl.vision.annotate import Annotator

    if not clip:
        raise typer.BadParameter("name a video file or a folder of frames")
    if annotate:
        if annotate.suffix.lower() != ".mp4":
            raise typer.BadParameter(f"{annotate}: an annotated clip must be called .mp4")
        refuse_overwriting(annotate, [Path(clip)])
    settings = settings_of(context, config, data)
    timeline = Timeline(as_json)
    with ExitStack() as stack:
        shows: list[Show] = [timeline]
        if annotate:
            shows.append(stack.enter_context(Annotator(annotate)))
        play = stack.enter_context(
            open_replay(
                settings,
                clip,
                shows,
                fps=fps,
                realtime=realtime,
                seed=seed,
                indicate=TextIndicator(timeline.prompt).show,
                script=read_script(inputs) if inputs else NOTHING,
                begins=parse_since(clock, datetime.now(UTC)) if clock else None,
                tell=lambda held: warn(f"liveness {held.mode}: {held.warning}") if held.warning else None,
            )
        )
        play()
    if annotate and not as_json:
        console().print(f"annotated clip: {annotate}")


class Timeline:
    """What a replay prints: every event, and for people each change of what the door makes of a face."""

    def __init__(self, as_json: bool = False) -> None:
        self._json = as_json
        self._out = console()
        self._last: tuple[Reason, str | None] | None = None
        self._at = 0.0

    def event(self, event: Event) -> None:
        fields = event_fields(event)
        if self._json:
            emit(fields)
        else:
            self._out.print(event_line(fields))

    def prompt(self, words: str) -> None:
        """What the person at the door is told."""
        if not self._json and words != "idle":
            self._out.print(Text(f"{self._at:8.2f} s  » {words}", style="cyan"))

    def frame(self, frame: Frame | None, fact: Input, decision: Decision) -> None:
        self._at = fact.at
        name = decision.person.name if decision.person else None
        if self._json or (decision.reason, name) == self._last:
            return
        self._last = (decision.reason, name)
        if decision.draw or decision.reason.value == "challenged":
            return  # the prompts tell it
        score = f" {decision.score:.2f}" if decision.score else ""
        words = f"{decision.reason.value}{f' {name}' if name else ''}{score}"
        self._out.print(Text(f"{fact.at:8.2f} s  {words}", style="dim"))
