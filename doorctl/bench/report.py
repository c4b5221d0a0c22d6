"""The whole measurement as one report, with the targets that the project has set itself."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from doorctl import __version__
from doorctl.app.settings import Settings
from doorctl.app.wiring import open_eye
from doorctl.bench.frames import clip_frames, portrait_frames
from doorctl.bench.loop import DETECTING, FEW, LIVENESS_NETS, LIVING, MANY, TRACKING, Loop, template_length
from doorctl.bench.service import Service, measure_service
from doorctl.bench.timing import Figure

STARTS = 5
LONGEST_IDLE_SECONDS = 10.0
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Target:
    """A measured value beside the most that it should be."""

    name: str
    value: float
    most: float
    unit: str

    @property
    def met(self) -> bool:
        return self.value <= self.most


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one run measured."""

    machine: dict[str, Any]
    milliseconds: dict[str, Figure]
    """Of each thing in ``loop.Loop.things`` and of the matching with many templates."""
    ratios: dict[str, Figure]
    """Of things to their floors, taken within each round."""
    service: Service

    @property
    def many(self) -> str:
        """The key of the larger matching."""
        return f"match {MANY}"

    @property
    def targets(self) -> tuple[Target, ...]:
        service = self.service
        return (
            Target("whole frame, tracking / bare nets", self.ratios["tracking"].median, 1.25, ""),
            *self._liveness_targets(),
            Target("match / bare product", self.ratios["match"].median, 1.5, ""),
            Target("start to ready", service.ready_seconds.median, 2.0, "s"),
            Target("resident memory", service.resident_mb, 200.0, "MB"),
            Target("nobody in view, share of a core", service.idle_share, 0.10, ""),
        )

    def _liveness_targets(self) -> tuple[Target, ...]:
        if "living" not in self.ratios:
            return ()
        nets = sum(self.milliseconds[name].median for name in LIVENESS_NETS)
        return (
            Target(
                "whole frame, tracking, with liveness / bare nets", self.ratios["living"].median, 1.25, ""
            ),
            Target("the two anti-spoof nets", nets, 4.0, "ms"),
        )

    def as_dict(self) -> dict[str, Any]:
        service = asdict(self.service) | {"ready_seconds": self.service.ready_seconds.as_dict()}
        return {
            "machine": self.machine,
            "milliseconds": {name: figure.as_dict() for name, figure in self.milliseconds.items()},
            "ratios": {name: figure.as_dict() for name, figure in self.ratios.items()},
            "service": {k: round(v, 4) if isinstance(v, float) else v for k, v in service.items()},
            "targets": [asdict(target) | {"met": target.met} for target in self.targets],
        }


def measure(
    settings: Settings,
    *,
    clip: Path | None,
    count: int,
    tell: Callable[[str, int], None] = lambda what, done: None,
) -> Report:
    """Measure everything on so many frames. Takes about a second for each ten, and half a minute more.

    Args:
        settings: the configuration whose nets, threads and detector are measured.
        clip: a recording with a face in it; ``None`` for the portraits.
        count: of frames.
        tell: told what is being done, and how many frames are done.

    Raises:
        DoorctlError: models or frames are missing, or the daemon does not start.
    """
    tell("frames", 0)
    eye = open_eye(settings)
    frames = clip_frames(settings, eye, clip, count) if clip else portrait_frames(eye, count)
    loop = Loop(settings, eye)
    done = iter(range(1, len(frames) + 1))
    turns = loop.measure(frames, lambda: tell("frame by frame", next(done)))
    tell("matching", len(frames))
    matching = loop.matching(min(count, 50))
    tell("the daemon", len(frames))
    idle_seconds = min(LONGEST_IDLE_SECONDS, count / 20)
    starts = STARTS if count >= 100 else 1
    service = measure_service(settings, frames, starts=starts, idle_seconds=idle_seconds)
    figures = turns.figures() | matching.figures()
    ratios = {
        "tracking": turns.ratio(["tracking"], TRACKING),
        "detecting": turns.ratio(["detecting"], DETECTING),
        "match": matching.ratio([f"match {MANY}"], [f"raw product {MANY}"]),
    }
    if eye.models.antispoof:
        ratios["living"] = turns.ratio(["living"], LIVING)
    machine = {
        "doorctl": __version__,
        "python": platform.python_version(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "set": eye.models.name,
        "threads": settings.config.vision.threads,
        "blas_threads": next((os.environ[name] for name in BLAS_THREADS if name in os.environ), "default"),
        "frame": "x".join(map(str, frames[0].shape[1::-1])),
        "frames": len(frames),
        "source": str(clip) if clip else "two portraits",
        "templates": {"few": FEW, "many": MANY, "numbers": template_length(eye)},
    }
    return Report(machine, figures, ratios, service)


def processor() -> str:
    """What the kernel calls the processor, or the board."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    told = dict(line.split(":", 1) for line in lines if ":" in line)
    names = {key.strip(): value.strip() for key, value in told.items()}
    return names.get("Model") or names.get("model name") or platform.machine()
