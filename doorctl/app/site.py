"""What is known of the anti-spoof nets at this very door: measured by its owner, kept with a date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from doorctl.app.settings import Settings
from doorctl.app.writing import write_private
from doorctl.errors import StoreError

FILE = "liveness-site.json"

MAX_BPCER = 0.2
"""More living visits refused than this, and the nets do not fit the camera."""

LEAST = 5
"""Presentations of each kind, without which a measurement says nothing."""


class Count(BaseModel):
    """Errors among presentations."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    presentations: int = Field(ge=0)
    errors: int = Field(ge=0)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.errors > self.presentations:
            raise ValueError("more errors than presentations")
        return self

    @property
    def rate(self) -> float:
        """Of at least one presentation."""
        return self.errors / self.presentations


class Evidence(BaseModel):
    """One measurement at one camera."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    measured: AwareDatetime
    camera: str
    models: str
    """The set of nets."""
    threshold: float
    live: Count
    attacks: dict[str, Count]
    """By species."""

    def describe(self) -> str:
        """In one sentence."""
        told = [
            f"{count.errors} of {count.presentations} {kind}s passed" for kind, count in self.attacks.items()
        ]
        refused = f"{self.live.errors} of {self.live.presentations} live visits refused"
        return f"measured here on {self.measured:%Y-%m-%d}: {', '.join(told)}, {refused}"


def save(settings: Settings, evidence: Evidence) -> None:
    """Keep a measurement; it takes the former one's place in one step.

    Raises:
        StoreError: it cannot be written.
    """
    file = settings.data / FILE
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(file, f"{evidence.model_dump_json(indent=1)}\n".encode(), owner_of=settings.data)
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}", "the directory must be writable") from error


def read(directory: Path) -> Evidence | None:
    """The last measurement, or ``None`` where there is none that can be read."""
    try:
        return Evidence.model_validate_json((directory / FILE).read_bytes())
    except (OSError, ValueError):
        return None


def why_untrusted(settings: Settings, model_set: str, now: datetime | None = None) -> str:
    """Why the nets are not to be relied on at the configured camera; nothing if they are.

    A recording is no camera: unless it was measured all the same, nothing is held against it.
    """
    config, evidence = settings.config.liveness, read(settings.data)
    if evidence is None and not settings.config.camera.live:
        return ""
    if evidence is None:
        return "the nets were never measured at this camera"
    age = (now or datetime.now(UTC)) - evidence.measured
    if evidence.camera != str(settings.config.camera.source) or evidence.models != model_set:
        return (
            f"the nets were measured with {evidence.camera} and the {evidence.models} set, not as it is now"
        )
    if not timedelta(minutes=-5) <= age <= timedelta(days=config.evidence_days):
        return (
            f"the nets were measured on {evidence.measured:%Y-%m-%d}, not within {config.evidence_days} days"
        )
    for species, count in evidence.attacks.items():
        if count.presentations and count.rate > config.max_apcer:
            return (
                f"{count.errors} of {count.presentations} attacks with a {species} passed at this camera, "
                f"more than liveness.max_apcer ({config.max_apcer:.0%})"
            )
    if (
        not evidence.attacks
        or min(c.presentations for c in (evidence.live, *evidence.attacks.values())) < LEAST
    ):
        return f"fewer than {LEAST} presentations of a kind were measured at this camera"
    if missing := {"print", "screen"} - set(evidence.attacks):
        return f"no {' and no '.join(sorted(missing))} was held up when the nets were measured"
    if evidence.live.rate > MAX_BPCER:
        refused = f"{evidence.live.errors} of {evidence.live.presentations}"
        return f"{refused} living visits were refused at this camera"
    if evidence.threshold > config.threshold:
        return f"the nets were measured at the stricter threshold {evidence.threshold:g}"
    return ""
