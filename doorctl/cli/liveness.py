"""``doorctl liveness``: is this a living face, and can this camera tell?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress
from rich.text import Text

from doorctl.cli.output import (
    ConfigOption,
    DataOption,
    JsonOption,
    console,
    emit,
    implied,
    rounded,
    settings_of,
    warn,
)
from doorctl.errors import CameraError, ModelError, PhotoError

if TYPE_CHECKING:
    from doorctl.app.settings import Settings
    from doorctl.app.sitting import Sitting
    from doorctl.app.wiring import Eye

SHORT_SECONDS = 2.0
"""Less of a face in a clip is too short a time."""

NOTHING_MOVES = {"stillness": None, "flexed": None}
"""What one picture says of movement."""

STYLES = {"ok": "green", "hack": "red", "short_time": "yellow"}


commands = typer.Typer(
    cls=implied("judge"),
    no_args_is_help=True,
    help="Say whether a recording shows a living face: doorctl liveness CLIP|FRAMES_DIR|IMAGE.",
    epilog="Examples: doorctl liveness visitor.mp4; doorctl liveness enrol-site",
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="liveness")


@commands.command("judge", epilog="Example: doorctl liveness visitor.mp4 --json (judge may be left out)")
def judge(
    context: typer.Context,
    clip: Annotated[str, typer.Argument(help="A clip, a folder of frames, or a picture.", metavar="CLIP")],
    fps: Annotated[float, typer.Option(min=0.1, max=240, help="Frames a second of a folder of frames.")] = 10,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether a recording shows a living face: ok, hack, or short_time (a face for less than 2 s).

    Exit code 0 for ok, 65 for the others. A still picture is judged by its texture alone,
    which is weaker evidence: nothing in it can move.
    """
    settings = settings_of(context, config, data)
    eye = _eye_with_nets(settings)
    fields = (
        _of_picture(eye, settings, Path(clip)) if _is_picture(clip) else _of_clip(eye, settings, clip, fps)
    )
    if as_json:
        emit(fields)
    else:
        _tell(fields)
    if fields["status"] != "ok":
        raise typer.Exit(PhotoError.exit_code)


def _eye_with_nets(settings: Settings) -> Eye:
    from doorctl.app.wiring import open_eye

    eye = open_eye(settings)
    if eye.observer.passive is None:
        raise ModelError(
            f"the {eye.models.name} set has no anti-spoof nets",
            "install the standard set with 'doorctl models install'",
        )
    return eye


def _is_picture(clip: str) -> bool:
    from doorctl.camera.opencv import PICTURES

    return Path(clip).suffix.lower() in PICTURES and not Path(clip).is_dir()


def _of_picture(eye: Eye, settings: Settings, path: Path) -> dict[str, Any]:
    from doorctl.core.records import Gate
    from doorctl.vision.photo import read_photo

    image = read_photo(path)
    faces = eye.observer.faces(image)
    if not faces:
        raise PhotoError(f"{path}: no face in it", "take it from nearer, with more light")
    gate, life = eye.observer.life(image, faces[0])
    live = (life.score or 0.0) >= settings.config.liveness.threshold
    return {
        "clip": str(path),
        "status": "ok" if live and gate is Gate.PASSED else "hack",
        "score": rounded(life.score),
        "best_at": None,
        "evidence": "weak: one still picture",
        "verdict": None,
        "cues": {"gate": gate.value, "suspected": _suspected(live, life.screen), **NOTHING_MOVES},
        "frames": 1,
        "face_seconds": 0.0,
    }


def _of_clip(eye: Eye, settings: Settings, clip: str, fps: float) -> dict[str, Any]:
    from collections import Counter

    from doorctl.app.sitting import Outcome, judge_presentation
    from doorctl.camera.open import open_camera

    if not Path(clip).is_file() and not Path(clip).is_dir():
        hint = "name a recording; enrol-site measures with a live camera"
        raise CameraError(f"{clip}: no such clip", hint)
    policy = eye.meet(eye.observer.gallery, settings.config)
    with open_camera(clip, fps=fps) as frames:
        sitting = judge_presentation(
            eye.observer, frames, policy.passive, window_seconds=policy.confirm_seconds
        )
    status = "ok" if sitting.outcome is Outcome.LIVE else "hack"
    found, best = sitting.finding, sitting.best
    return {
        "clip": clip,
        "status": "short_time" if _too_short(sitting) else status,
        "score": rounded(found.score) if found else None,
        "best_at": round(best.at, 2) if best else None,
        "evidence": f"{found.frames if found else 0} frames",
        "verdict": sitting.outcome.value,  # challenged: the door would ask for more
        "cues": {
            "gate": dict(Counter(sight.gate.value for sight in sitting.sights)),
            "suspected": (found.species or None) if found else None,
            "stillness": _finite(found.stillness) if found else None,
            "flexed": _finite(found.flexed) if found else None,
        },
        "frames": len(sitting.sights),
        "face_seconds": round(sitting.face_seconds, 2),
    }


def _too_short(sitting: Sitting) -> bool:
    # A clip of 2 s at 10 frames a second shows its last frame at 1.9 s.
    times = [sight.at for sight in sitting.sights]
    period = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.0
    return sitting.face_seconds + period < SHORT_SECONDS - 1e-6


def _finite(stillness: float | None) -> float | None:
    """A face that has just moved away from where it was moves without limit, which JSON cannot say."""
    return None if stillness is None else rounded(min(stillness, 1000.0))


def _suspected(live: bool, screen: float) -> str | None:
    return None if live else "screen" if screen >= 0.5 else "print"


def _tell(fields: dict[str, Any]) -> None:
    out, score, cues = console(), fields["score"], fields["cues"]
    told = "" if score is None else f"  score {score:.2f}"
    out.print(Text.assemble(f"{fields['clip']}: ", (fields["status"], STYLES[fields["status"]]), told))
    out.print(f"  evidence {fields['evidence']}; a face for {fields['face_seconds']:.1f} s")
    if fields["best_at"] is not None:
        out.print(f"  most alive at {fields['best_at']:.2f} s; verdict {fields['verdict']}")
    gates = cues["gate"]
    shown = (
        gates if isinstance(gates, str) else ", ".join(f"{name}: {count}" for name, count in gates.items())
    )
    out.print(f"  suspected {cues['suspected'] or 'nothing'}; gates {shown}")
    if cues["stillness"] is not None:
        flexed = f", {cues['flexed']:.1f} times as no flat picture can" if cues["flexed"] else ""
        out.print(f"  moved {cues['stillness']:.1f} times the noise{flexed}")


@commands.command("enrol-site", epilog="Example: systemctl stop doorctl && doorctl liveness enrol-site")
def enrol_site(
    context: typer.Context,
    seconds: Annotated[
        float, typer.Option(min=15, max=600, help="How long each of the three is shown.")
    ] = 60,
    yes: Annotated[bool, typer.Option("--yes", help="Do not wait for Enter before each part.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure at this very camera whether the nets tell people from pictures, and keep the result.

    You stand before the camera for a minute, then hold up a printed photo, then a phone.
    Every two seconds count as one presentation. Until this was done, with a result as good
    as liveness.max_apcer asks, the mode adaptive asks everyone for a challenge. The daemon
    must be stopped, for it holds the camera. No picture is kept.
    """
    from doorctl.app.enrol_site import measure_site
    from doorctl.app.site import save, why_untrusted

    settings = settings_of(context, config, data)
    if not yes and not sys.stdin.isatty():
        raise typer.BadParameter("nobody is here to be told what to do: run it at a terminal, or with --yes")
    eye = _eye_with_nets(settings)
    err = console(stderr=True)
    with Progress(console=err, disable=as_json or not err.is_terminal) as bar:
        task = bar.add_task("", total=1.0)

        def ready(kind: str, told: str) -> None:
            err.print(f"{kind}: {told} for {seconds:.0f} s")
            if not yes:
                bar.stop()
                err.input("  press Enter to begin ")
                bar.start()
            bar.update(task, description=kind, completed=0.0)

        def progress(kind: str, share: float, sitting: Sitting) -> None:
            bar.update(task, description=f"{kind}: {sitting.outcome.value}", completed=share)

        evidence = measure_site(settings, eye, seconds=seconds, ready=ready, progress=progress)
    save(settings, evidence)
    untrusted = why_untrusted(settings, eye.models.name)
    if as_json:
        emit(_site_fields(evidence.model_dump(mode="json"), untrusted))
    else:
        console().print(evidence.describe())
        console().print(f"kept in {settings.data}")
    if untrusted:
        warn(f"{untrusted}: the mode adaptive will ask everyone for a challenge")


def _site_fields(evidence: dict[str, Any], untrusted: str) -> dict[str, Any]:
    from doorctl.evaluation.liveness import Rate

    def rate(count: dict[str, int]) -> dict[str, Any]:
        return Rate(count["presentations"], count["errors"]).as_dict()

    return {
        **{key: evidence[key] for key in ("measured", "camera", "models", "threshold")},
        "bpcer": rate(evidence["live"]),
        "apcer": {kind: rate(count) for kind, count in evidence["attacks"].items()},
        "trusted": not untrusted,
        "why": untrusted or None,
    }
