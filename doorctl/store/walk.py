"""From pieces of chain to what was done to it: see ``verify``, which says what can be told, and what not."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise

from doorctl.store.chain import Anchor
from doorctl.store.findings import Finding, Kind, said, said_all, was
from doorctl.store.pieces import ENDS, Link, Piece, Row, Trace

Step = tuple[list[Piece], Piece]
"""Pieces that do not hold, and the sound one behind them."""


class Walk:
    """Goes along the chain, piece by piece.

    Args:
        trace: what the file holds.
        base: the last event that was erased for its age; ``None`` if that is not known.
    """

    def __init__(self, trace: Trace, base: Anchor | None) -> None:
        self.found: list[Finding] = []
        self._rows: list[tuple[Kind, int, int, str]] = []
        """Rows, first and last, of which the same is to be told."""
        self._told = set[int]()
        """Rows of which enough is told."""
        self._base = base
        self._trace = trace
        self._ends: deque[Link] = deque(maxlen=ENDS)
        """The end of the chain so far."""
        if base:
            self._ends.append(Link(base.id, base.id, base.digest))
        self._shift = 0
        self.first = 0
        """The number that the first row was written under."""
        self.last = base.id if base else 0
        """The highest number that a row was written under."""

    def go(self) -> None:
        self._exchanged([row for piece in self._trace.pieces for row in piece.rows])
        steps, rest = _steps(self._trace.pieces)
        for number in self._trace.relinked:
            self._row(Kind.PREVIOUS, number, number, "the link to the event before (previous) was changed")
        steps = self._in_order(steps)
        for place, (loose, piece) in enumerate(steps):
            after = steps[place + 1][1] if place + 1 < len(steps) else None
            self._step(loose, piece, after, at_end=after is None and not rest)
            self.last = max(self.last, piece.written[1])
        for place, piece in enumerate(rest):
            self._loose(piece, rest[place + 1] if place + 1 < len(rest) else None)
            self.last = max(self.last, piece.written[1])
        for kind, first, last, what in self._rows:
            self._find(kind, f"{said(first, last)}: {what}", first, last)

    def _find(self, kind: Kind, text: str, first: int, last: int | None = None) -> None:
        self.found.append(Finding(kind, text, ((first, first if last is None else last),)))

    def _content(self, first: int, last: int) -> None:
        if first <= last:
            self._row(Kind.CHANGED, first, last, "the content was changed")

    def _row(self, kind: Kind, first: int, last: int, what: str) -> None:
        """Tell the same of rows that stand beside one another once."""
        if self._rows and (before := self._rows[-1])[2] + 1 == first and before[::3] == (kind, what):
            first = self._rows.pop()[1]
        self._rows.append((kind, first, last, what))

    def _step(self, loose: list[Piece], piece: Piece, after: Piece | None, *, at_end: bool) -> None:
        if not self._ends:  # nothing is known of what was before the first event
            self.first = piece.written[0]
            self._ends.append(Link(self.first - 1, piece.first - 1, piece.previous))
        end = self._ends[-1]
        if piece.previous == end.hash:
            for passed in loose:
                self._added(passed.first, passed.last)
            if piece.shift != self._shift and not loose:
                self._renumbered(piece)
        elif after and after.previous == end.hash:
            # The chain passes over this piece, too.
            for passed in (*loose, piece):
                self._added(passed.first, passed.last)
            return
        elif self._filled(loose, piece):
            pass
        elif self._broken(piece, at_end=at_end):
            return
        self._accept(piece)

    def _accept(self, piece: Piece) -> None:
        self._ends.extend(piece.ends)
        self._shift = piece.shift

    def _added(self, first: int, last: int) -> None:
        below = self._base is not None and last <= self._base.id
        why = "; numbers so low were never given, or were erased" if below else ""
        self._find(Kind.ADDED, f"{said(first, last)} {was(first, last)} added{why}", first, last)

    def _renumbered(self, piece: Piece) -> None:
        first, last = piece.first, piece.last
        had = said(*piece.written).removeprefix("event ").removeprefix("events ")
        text = f"{said(first, last)} {was(first, last)} given another number: written as {had}"
        self._find(Kind.RENUMBERED, text, first, last)

    def _filled(self, loose: list[Piece], piece: Piece) -> bool:
        """Tell of rows that do not fit; whether one stands between the chain so far and a sound piece."""
        room = range(self._ends[-1].written + 1, piece.written[0])
        fill = list[tuple[int, int]]()
        for passed, behind in pairwise([*loose, piece]):
            if passed.written[0] in room and passed.written[1] in room:
                self._loose(passed, behind)
                fill.append(passed.written)
            else:
                self._added(passed.first, passed.last)
        if fill:
            for before, after in pairwise([(0, room.start - 1), *fill, (room.stop, 0)]):
                if after[0] > before[1] + 1:
                    self._removed(before[1] + 1, after[0] - 1)
        return bool(fill)

    def _loose(self, piece: Piece, behind: Piece | None) -> None:
        """Rows that do not fit their digests, in their places."""
        first, last = piece.first, piece.last
        start = first
        for told in sorted(number for number in self._told if first <= number < last):
            self._content(start, told - 1)
            start = told + 1
        self._content(start, last - 1)  # each is named by the one behind it with the digest that it has
        if last in self._told:
            return
        if behind is None:
            what = "content and digest do not fit: one of them was changed, or it was added"
            self._row(Kind.CHANGED, last, last, what)
        elif behind.previous == piece.ends[-1].hash:
            self._content(last, last)
        elif behind.previous == piece.due:
            self._row(Kind.DIGEST, last, last, "the digest was changed, and the content was not")
        else:
            what = "several fields were changed: it fits neither its digest nor the event behind it"
            self._row(Kind.CHANGED, last, last, what)

    def _broken(self, piece: Piece, *, at_end: bool) -> bool:
        """A sound piece does not follow the chain so far; whether to leave it out."""
        end, first = self._ends[-1], piece.written[0]
        places = [place for place, link in enumerate(self._ends) if link.hash == piece.previous]
        known = self._ends[places[0]] if places else None
        between = list(self._ends)[places[0] + 1 :] if places else []
        if known and end.written < first:
            below = self._base is not None and end.written <= self._base.id
            self._passed_over(between, piece, sure=below or end.written < first - 1)
        elif known and piece.single and any(link.hash == piece.ends[0].hash for link in between):
            self._find(Kind.ADDED, f"event {piece.first} was added: a copy of event {first}", piece.first)
            return True
        elif known:
            self._added(between[0].number, between[-1].number)
            while self._ends[-1] is not known:
                self._ends.pop()
        elif end.written >= first:
            twice, here = said(first, end.written), said(piece.first, piece.last)
            text = f"there are two of {twice}: of event {end.number} and {here} some were added"
            self._find(Kind.ADDED, text, *sorted((end.number, piece.first)))
        elif end.written < first - 1:
            self._removed(end.written + 1, first - 1, moved=piece.shift != self._shift)
        else:
            self._redone(end, piece, at_end=at_end)
        return False

    def _passed_over(self, between: list[Link], piece: Piece, *, sure: bool) -> None:
        """A piece follows an earlier row. ``sure``: its number leaves room for those between."""
        first, last = between[0].number, between[-1].number
        if sure:
            self._added(first, last)
            return
        text = f"event {piece.first} follows the event before {said(first, last)}: one of them was added"
        self._find(Kind.ADDED, text, first, piece.first)

    def _removed(self, first: int, last: int, *, moved: bool = False) -> None:
        then = ", and those behind were given other numbers" if moved else ""
        if self._base and first == self._base.id + 1 and self._base.id:
            then = f", beyond event {self._base.id}, up to which events were erased for their age{then}"
        self._find(Kind.REMOVED, f"{said(first, last)} {was(first, last)} removed{then}", first, last)

    def _redone(self, end: Link, piece: Piece, *, at_end: bool) -> None:
        if self._base and end.number == self._base.id and end.hash == self._base.digest:
            text = (
                f"the note of erased events (table pruned) was changed, or event {piece.first} was, and its "
                f"digest computed anew: they name different digests of event {end.number}"
            )
            self._find(Kind.ERASED, text, piece.first)
            return
        text = (
            f"event {end.number}, and perhaps some before it, was changed and its digest computed anew: "
            f"event {piece.first} names another"
        )
        if at_end:
            text += f"; or {said(piece.first, piece.last)} {was(piece.first, piece.last)} added"
        self._find(Kind.REDONE, text, end.number, piece.first if at_end and piece.single else end.number)

    def _in_order(self, steps: list[Step]) -> list[Step]:
        """The pieces in the order in which they were written, and word of those that stand elsewhere."""
        starts = [piece.written[0] for _, piece in steps]
        if all(one <= other for one, other in pairwise(starts)):
            return steps
        stay = _longest([piece for _, piece in steps])
        told = set[int]()
        for place, (_, piece) in enumerate(steps):
            if place in stay or place in told:
                continue
            written = piece.written
            swapped = next(
                (
                    i
                    for i, (_, p) in enumerate(steps)
                    if p.written == (piece.first, piece.last) and i != place
                ),
                None,
            )
            if swapped is not None and (steps[swapped][1].first, steps[swapped][1].last) == written:
                told.add(swapped)
                spans = sorted([written, (piece.first, piece.last)])
                text = f"{said_all(spans)} were exchanged"
            else:
                spans = [(piece.first, piece.last)]
                text = f"{said(*spans[0])} {was(*spans[0])} moved there: written as {said(*written)}"
            self.found.append(Finding(Kind.REORDERED, text, tuple(spans)))
        for _, piece in steps:  # what numbers the moved ones bear is told, and nothing to tell again
            piece.shift, piece.first, piece.last = 0, *piece.written
        return sorted(steps, key=lambda step: step[1].written[0])

    def _exchanged(self, rows: Sequence[Row]) -> None:
        """Say of rows whose contents stand in one another's place that they were exchanged."""
        for one, other in combinations(rows, 2):
            if _as(one, other) == one.hash and _as(other, one) == other.hash:
                text = f"the contents of events {one.number} and {other.number} were exchanged"
                spans = (one.number, one.number), (other.number, other.number)
                self.found.append(Finding(Kind.REORDERED, text, spans))
                self._told |= {one.number, other.number}


def _as(place: Row, content: Row) -> bytes | None:
    """The digest of a row with another's content."""
    return replace(place, content=content.content).digest_as(place.number, place.previous)


def _steps(pieces: Sequence[Piece]) -> tuple[list[Step], list[Piece]]:
    """Each sound piece with those before it that are not; and what is behind the last sound one."""
    steps, loose = list[Step](), list[Piece]()
    for piece in pieces:
        if piece.sound:
            steps.append((loose, piece))
            loose = []
        else:
            loose.append(piece)
    return steps, loose


def _longest(pieces: Sequence[Piece]) -> set[int]:
    """Places of pieces that stand in the order in which they were written, of as many rows as can be."""
    best: list[tuple[int, int]] = []
    """For each piece the rows of the longest such order that ends with it, and the piece before it."""
    for place, piece in enumerate(pieces):
        before = max(
            ((best[i][0], i) for i in range(place) if pieces[i].written[1] < piece.written[0] and best[i][0]),
            default=(0, -1),
        )
        # Of two orders, that of rows which bear their own numbers.
        weight = 2 * (piece.last - piece.first + 1) + (not piece.shift)
        best.append((before[0] + weight, before[1]))
    place = max(range(len(best)), key=lambda i: best[i][0])
    kept = set[int]()
    while place >= 0:
        kept.add(place)
        place = best[place][1]
    return kept
