"""Everything that the report shows, gathered from a door's store and from beside it."""

from __future__ import annotations

from datetime import datetime, tzinfo

from doorctl.app import site
from doorctl.app.admission import register_of
from doorctl.app.settings import Settings
from doorctl.core.decision import EventKind
from doorctl.errors import DoorctlError, UnknownEventError
from doorctl.report.collect import LATEST, collect
from doorctl.report.disputes import dispute_of
from doorctl.report.rules import Rules
from doorctl.report.summary import Disputed, Summary
from doorctl.store.database import Store
from doorctl.store.history import History


def gather(
    settings: Settings, store: Store, *, since: datetime, until: datetime, zone: tzinfo | None = None
) -> Summary:
    """Count the past, and look up what stands beside it.

    Who looks like whom is left out, with the reason, where no nets are installed to say so.

    Args:
        settings: whose place it is.
        store: open.
        since: when what is looked at begins.
        until: now.
        zone: in which days and hours are counted; the machine's where it is ``None``.

    Raises:
        StoreError: the store cannot be read.
    """
    history, people = History(store), store.people()
    names = {person.id: person.name for person in people}
    found = collect(
        history.onwards(since=since), Rules(history.policies()), since=since, until=until, zone=zone
    )
    found.enrolled = len(people)
    said = (dispute_of(event, names) for event in history.onwards(since=since, kinds=[EventKind.DISPUTED]))
    for dispute in [one for one in said if one is not None][-LATEST:]:
        try:
            event = history.event(dispute.of)
        except UnknownEventError:  # erased for its age
            event = None
        found.disputes.append(Disputed(dispute, event))
    found.evidence = site.read(settings.data)
    try:
        found.alike = register_of(settings, store).likenesses() if people else ()
    except DoorctlError as error:
        found.no_alike = error.message
    return found
