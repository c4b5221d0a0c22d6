"""What the loop does between two frames: takes up people that others changed, and a new configuration."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter

from doorctl.app.audit import Audit
from doorctl.app.lockouts import Lockouts
from doorctl.app.settings import Settings
from doorctl.app.site import why_untrusted
from doorctl.app.standing import Standing
from doorctl.app.syncing import Syncing
from doorctl.app.threshold import promise_for, sentence, shortfall
from doorctl.app.wiring import Eye
from doorctl.clashes import clashes_of
from doorctl.config import load_config
from doorctl.core.decision import Event, EventKind
from doorctl.core.gallery import Gallery
from doorctl.core.inputs import Clear
from doorctl.core.names import name_key
from doorctl.core.records import Person
from doorctl.daemon import Daemon, notify
from doorctl.errors import ConfigError
from doorctl.sections import Config
from doorctl.store.database import Store

log = logging.getLogger(__name__)

_PARTS = ("camera", "models", "gpio", "indicator", "inputs", "photos", "store", "control")
NEED_RESTART = (*_PARTS, "vision.detector", "vision.threads")
"""What of the configuration is only read at the start."""

TRUST_SECONDS = 3600.0
"""How often it is asked whether what was measured of the nets here still holds."""

PATIENCE_SECONDS = 0.5
"""How long people whom the sync thread has changed may be about to be offered by it."""


class Keeper:
    """Before each frame: takes up people changed by other processes, and a changed configuration."""

    def __init__(
        self,
        settings: Settings,
        eye: Eye,
        store: Store,
        audit: Audit,
        now: Callable[[], float],
        lockouts: Lockouts,
        syncing: Syncing | None = None,
    ) -> None:
        self._lockouts, self._syncing = lockouts, syncing
        self._started, self._eye, self._store = settings, eye, store
        self._audit, self._now = audit, now
        self._config = settings.config
        self._version: int | None = None
        self._behind_since: float | None = None
        self._trusted_at = now()

    def look(self, daemon: Daemon) -> None:
        """Called before each frame is judged; costs microseconds when nothing has changed."""
        self._audit.turn()
        if daemon.asked.reload:
            daemon.asked.reload = False
            self.reload(daemon)
        if self._now() - self._trusted_at >= TRUST_SECONDS:
            self._eye = self._trusting(self._config)
            daemon.policy = self._eye.meet(self._eye.observer.gallery, self._config)
        # The version first: a change while the people are read is then seen the next time.
        version = self._store.version()
        if version != self._version:
            if self._lockouts.was_cleared():
                daemon.take(Clear(self._now()))
            taken = self._newer(version)
            if taken is None:
                return
            after, version = taken
            before = self._eye.observer.gallery
            daemon.policy = self._eye.meet(after, self._config)
            self._version = version
            if (before.people, len(before.templates)) != (after.people, len(after.templates)):
                self._tell_promise()

    @property
    def settings(self) -> Settings:
        """What holds now."""
        return replace(self._started, config=self._config)

    @property
    def standing(self) -> Standing:
        """How a picture is told from a person now."""
        return self._eye.standing(self._config)

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody whom the door recognises now, denied people too."""
        return self._eye.observer.gallery.people

    @property
    def nets(self) -> str:
        """The name of the set of nets."""
        return self._eye.models.name

    def _newer(self, version: int) -> tuple[Gallery, int] | None:
        """The people as of that version, or of the newest before it that the sync thread has read.

        ``None`` while that thread is about to offer them; it is not waited for long, for what has changed
        may be that somebody is denied.
        """
        now = self._now()
        if self._behind_since is None:
            self._behind_since = now
        offer = self._syncing.offer if self._syncing else None
        if offer and (self._version is None or offer.version > self._version):
            if offer.version == version:
                self._behind_since = None
            return offer.people, offer.version
        coming = self._syncing is not None and self._syncing.offers_soon(version)
        if coming and now - self._behind_since < PATIENCE_SECONDS:
            return None
        self._behind_since = None
        return self._eye.gallery(self._store), version

    def _trusting(self, config: Config) -> Eye:
        """The eye, with what is known by now of the nets at this camera."""
        self._trusted_at = self._now()
        settings = replace(self._started, config=config)
        return replace(self._eye, untrusted=why_untrusted(settings, self._eye.models.name))

    def _tell_promise(self) -> None:
        """Say what the door promises now, and loudly where that is less than was asked for."""
        promise = promise_for(self._config.match, self._eye.recognition, self._eye.observer.gallery)
        log.info("threshold %.2f: %s", promise.threshold, sentence(promise))
        if lacking := shortfall(promise, self._config.match):
            log.error("%s", lacking)

    def reload(self, daemon: Daemon, by: str = "") -> tuple[str, ...] | ConfigError:
        """Take up the configuration as it is in its file now; a wrong one changes nothing.

        Args:
            daemon: whose rules change.
            by: who wants it, if anybody is known.

        Returns:
            what has changed and only counts from the next start on, or what is wrong.
        """
        later: tuple[str, ...] = ()
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        start = self._started.config
        try:
            told = load_config(self._started.config_file)
            later = tuple(key for key in NEED_RESTART if attrgetter(key)(told) != attrgetter(key)(start))
            for key in later:
                log.warning("a change of '%s' takes effect at the next start", key)
            driven = {name: getattr(start, name) for name in _PARTS}
            config = told.model_copy(update=driven)
            if clashes := [text for _, text in clashes_of(config)]:
                raise ConfigError("; ".join(clashes), "restart doorctl to take up the whole file")
            eye = self._trusting(config)
            policy = eye.meet(eye.observer.gallery, config)
        except ConfigError as error:
            log.error("the new configuration is not used, the old one stays: %s", error)
            return error
        else:
            daemon.policy, self._config, self._eye = policy, config, eye
            self._tell_promise()
            tell_standing(self._eye.standing(config))
            tell_strange_names(self._store, config)
            self._eye.observer.min_face = config.vision.min_face
            logging.getLogger("doorctl").setLevel(config.log.level.upper())
            self._audit.config = config.audit
            self._audit.record(Event(EventKind.RELOADED, self._now(), detail=f"by {by}" if by else ""))
            return later
        finally:
            notify("READY=1")


def tell_standing(held: Standing) -> None:
    """Say how a picture is told from a person, and loudly where it is not, or not as was asked for."""
    if held.warning:
        log.warning("liveness %s: %s; %s", held.mode, held.warning, held.hint)
    else:
        log.info("liveness %s", held.mode)


def tell_strange_names(store: Store, config: Config) -> None:
    """A rule for a name that nobody has limits nobody: that must be seen."""
    known = {name_key(person.name) for person in store.people()}
    for key, names in (
        ("access", config.access.people),
        ("people.extended_open", config.people.extended_open),
    ):
        if strange := [name for name in names if name_key(name) not in known]:
            # The journal would outlive the names.
            log.warning("%s names people who are not known: %d; see 'doorctl check'", key, len(strange))
