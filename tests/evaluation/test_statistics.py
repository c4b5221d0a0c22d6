"""Error rates of made-up people, against counting by hand and by brute force."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import beta

from doorctl.core.card import Calibration
from doorctl.core.gallery import Gallery
from doorctl.core.quality import Quality
from doorctl.core.records import Person, Vector
from doorctl.errors import PhotoError
from doorctl.evaluation.identification import identify
from doorctl.evaluation.intervals import clopper_pearson
from doorctl.evaluation.pairs import BINS, all_pairs
from doorctl.evaluation.report import evaluate, fields_of
from doorctl.evaluation.samples import Samples
from doorctl.evaluation.splits import read_groups, split
from doorctl.evaluation.verification import ENOUGH, Bootstrap, det_curve, verify

SCALE = Calibration(((-1.0, 0.3), (1.0, 1.0)), "made up")
Numbers = NDArray[np.intp]


def crowd(people: int, photos: int, noise: float, seed: int = 0, length: int = 16) -> tuple[Vector, Numbers]:
    """A direction for each person, and noise for each photo."""
    rng = np.random.default_rng(seed)
    vectors = np.repeat(rng.normal(size=(people, length)), photos, axis=0)
    vectors += noise * rng.normal(size=vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), np.repeat(np.arange(people), photos)


def quality(brightness: float = 0.0, yaw: float = 0.0) -> Quality:
    return Quality(yaw, 0, 0, 0, 0, 0, 0, 100, brightness, 1, 0, 1)


def samples_of(vectors: Vector, people: Numbers, qualities: list[Quality | None] | None = None) -> Samples:
    return Samples(
        vectors,
        people,
        tuple(f"p{i}" for i in range(int(people.max()) + 1)),
        tuple(f"{i}.jpg" for i in range(len(people))),
        tuple("" if v.any() else "no face found" for v in vectors),
        tuple(qualities or [quality() for _ in people]),
    )


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(2, 8), st.integers(1, 4))
def test_pairs_agree_with_comparing_one_by_one(seed: int, people: int, photos: int) -> None:
    """Every two photos once; with a failed one among them they never match, and still count."""
    vectors, who = crowd(people, photos, 0.7, seed)
    vectors[seed % len(vectors)] = 0
    pairs = all_pairs(vectors, who, tail=1.0)
    genuine: list[float] = []
    impostor: list[float] = []
    for i, j in combinations(range(len(who)), 2):
        similarity = float(vectors[i] @ vectors[j]) if vectors[i].any() and vectors[j].any() else -1.0
        (genuine if who[i] == who[j] else impostor).append(similarity)
    assert sorted(pairs.genuine.tolist()) == pytest.approx(sorted(genuine), abs=1e-5)
    assert pairs.impostors == len(impostor)
    for threshold in (-0.5, 0.0, 0.3, 0.9):
        assert pairs.missed(threshold) == pytest.approx(
            np.mean(np.array(genuine) < threshold) if genuine else 0
        )
        assert pairs.reached(threshold) == sum(s >= threshold for s in impostor)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.floats(0.001, 0.02))
def test_a_threshold_lets_no_more_pass_than_its_rate(seed: int, rate: float) -> None:
    """At the threshold of a rate so many impostor pairs match, and at the next lower similarity more."""
    vectors, who = crowd(60, 2, 0.7, seed)
    pairs = all_pairs(vectors, who)
    threshold = pairs.similarity_at(rate)
    assert pairs.reached(threshold) <= rate * pairs.impostors
    below = float(np.nextafter(np.float32(threshold), np.float32(-2)))
    assert pairs.reached(below) + 1 > rate * pairs.impostors


def test_false_non_matches_are_counted_at_the_threshold() -> None:
    """Verification's figures are those of the pairs; nothing is told with fewer than ten errors behind it."""
    vectors, who = crowd(200, 3, 1.0)
    pairs = all_pairs(vectors, who)
    points = verify(pairs, replicates=50)
    point = points[1e-2]
    assert point is not None
    assert point.fnmr is not None
    assert point.fnmr == pytest.approx(np.mean(pairs.genuine < point.threshold))
    assert point.false_matches == int(0.01 * pairs.impostors)
    assert point.interval is not None
    assert point.interval[0] <= point.fnmr <= point.interval[1]
    assert points[1e-4] is not None
    assert points[1e-5] is None  # 1.8 of 179,100 pairs
    assert points[1e-6] is None
    clean = verify(all_pairs(*crowd(200, 3, 0.01)), replicates=10)[1e-2]
    assert clean is not None
    assert (clean.fnmr, clean.interval) == (None, None)


def test_the_interval_is_over_people_not_pairs() -> None:
    """Ten photos of each of a few people are many pairs and few people, so the interval is wide."""
    few = verify(all_pairs(*crowd(40, 10, 1.3)), replicates=200)[1e-2]
    many = verify(all_pairs(*crowd(400, 3, 1.3, length=16)), replicates=200)[1e-2]
    assert few is not None
    assert many is not None
    assert few.interval is not None
    assert many.interval is not None
    assert few.fnmr is not None
    # 1,800 genuine pairs, were they independent, would give an interval of four standard errors.
    naive = 4 * np.sqrt(few.fnmr * (1 - few.fnmr) / 1800)
    assert few.interval[1] - few.interval[0] > 1.5 * naive
    assert few.interval[1] - few.interval[0] > many.interval[1] - many.interval[0]


def test_intervals_cover_the_truth() -> None:
    """In most of 40 made-up worlds the interval holds what a much larger world says."""
    length, noise = 16, 1.0
    truth = verify(all_pairs(*crowd(1500, 2, noise, seed=999, length=length)), replicates=2)[1e-2]
    assert truth is not None
    assert truth.fnmr is not None
    held = 0
    for seed in range(40):
        point = verify(all_pairs(*crowd(120, 3, noise, seed=seed, length=length)), replicates=120, seed=seed)[
            1e-2
        ]
        assert point is not None
        assert point.interval is not None
        held += point.interval[0] <= truth.fnmr <= point.interval[1]
    assert held >= 33


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_a_draw_of_people_is_a_set_in_which_they_stand_so_often(seed: int) -> None:
    """The weights of the bootstrap give what comparing the copied people one by one gives.

    A person's copies are neither genuine nor impostors to one another.
    """
    rng = np.random.default_rng(seed)
    vectors, who = crowd(12, 3, 1.0, seed, length=4)
    times = rng.multinomial(12, np.full(12, 1 / 12))
    genuine: list[float] = []
    impostor: list[float] = []
    similarity = vectors @ vectors.T
    for i, j in combinations(range(len(who)), 2):
        if who[i] == who[j]:
            genuine += [float(similarity[i, j])] * int(times[who[i]])
        else:
            impostor += [float(similarity[i, j])] * int(times[who[i]] * times[who[j]])
    first_too_many = sorted(impostor, reverse=True)[int(0.01 * len(impostor) + 1e-9)]
    expected = float(np.mean(np.array(genuine) <= first_too_many))
    pairs = all_pairs(vectors, who, tail=1.0)
    assert Bootstrap(pairs, rng, 0).missed(0.01, times) == pytest.approx(expected, abs=1e-9)


def test_a_draw_of_the_least_alike_looks_as_far_down_as_it_must() -> None:
    """Two people whose pairs come late among all pairs; where those are not kept nothing is told."""
    vectors, who = crowd(12, 20, 1.0)
    means = vectors.reshape(12, 20, -1).mean(axis=1)
    one, other = np.unravel_index(int((means @ means.T).argmin()), (12, 12))
    times = np.bincount([one, other], minlength=12)
    impostor = np.sort((vectors[who == one] @ vectors[who == other].T).ravel())[::-1]
    everything = all_pairs(vectors, who, tail=1.0)
    chosen = np.isin(who[everything.genuine_photos[:, 0]], [one, other])
    expected = float(np.mean(everything.genuine[chosen] <= impostor[4]))  # 4 of 400 may pass
    rng = np.random.default_rng(0)
    assert Bootstrap(everything, rng, 0).missed(0.01, times) == pytest.approx(expected, abs=1e-9)
    assert Bootstrap(all_pairs(vectors, who), rng, 0).missed(0.01, times) is None


def test_a_few_people_have_no_interval() -> None:
    """Draws of two people are mostly of one, who has no impostors: the rate is told without an interval."""
    point = verify(all_pairs(*crowd(2, 300, 1.0)))[1e-3]
    assert point is not None
    assert point.fnmr is not None
    assert point.interval is None


def test_copied_photos_count_as_what_they_are() -> None:
    """Where most similarities are equal no threshold has the asked rate: none is told, none is claimed."""
    vectors, who = crowd(3, 1, 0.0)
    vectors, who = np.repeat(vectors, 40, axis=0), np.repeat(who, 40)
    vectors[::4] = 0
    assert verify(all_pairs(vectors, who)) == dict.fromkeys([1e-2, 1e-3, 1e-4, 1e-5, 1e-6])


def test_a_threshold_on_a_bins_edge_counts_from_that_bin() -> None:
    """Rounding moves no edge into the bin below, whose pairs do not reach it."""
    pairs = all_pairs(*crowd(10, 2, 1.0), tail=0.0)
    reached = pairs.histogram[::-1].cumsum()[::-1]
    for first in np.flatnonzero(pairs.histogram) + 1:
        assert pairs.reached(int(first) / BINS * 2 - 1) == reached[first]


def test_a_failed_photo_is_a_miss_in_every_pair() -> None:
    """Turning a photo away makes the figures worse, never better."""
    vectors, who = crowd(200, 3, 0.8)
    before = verify(all_pairs(vectors, who), replicates=5)[1e-2]
    worst = vectors.copy()
    worst[::3] = 0
    after = verify(all_pairs(worst, who), replicates=5)[1e-2]
    assert before is not None
    assert after is not None
    assert after.fnmr is not None
    assert after.fnmr >= 2 / 3  # two of a person's three pairs have the failed photo
    assert (before.fnmr or 0) < after.fnmr


def test_clear_people_are_all_found_and_nobody_else() -> None:
    """Without noise every probe finds its person, and nobody is taken for another."""
    vectors, who = crowd(120, 6, 0.01)
    found = identify(vectors, who, SCALE, gallery=40, per_person=3, repeats=3)
    assert (found.probes, found.strangers) == (3 * 40 * 3, 3 * 80 * 6)
    at = found.by_rate[1e-2]
    assert at is not None
    assert (at.found, at.wrong, at.spread) == (1.0, 0.0, 0.0)
    assert found.by_rate[1e-3] is None  # 1.4 of 1,440 strangers


def test_failed_photos_are_never_found() -> None:
    """People all of whose photos failed are misses; strangers' failed photos are no false positives."""
    vectors, who = crowd(120, 6, 0.01)
    vectors[who < 60] = 0
    found = identify(vectors, who, SCALE, gallery=120, per_person=3, repeats=1)
    assert found.by_rate[1e-2] is None  # nobody is a stranger
    found = identify(vectors, who, SCALE, gallery=40, per_person=3, repeats=10)
    at = found.by_rate[1e-2]
    assert at is not None
    assert 0.3 < at.found < 0.7
    assert at.wrong < 0.02


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_identification_is_what_the_doors_gallery_says(seed: int) -> None:
    """The same draws, probe by probe through ``Gallery.match``, give the same rates and threshold."""
    vectors, who = crowd(300, 4, 1.2, seed)
    vectors[:: 1 + seed % 7 + 3] = 0
    at = identify(vectors, who, SCALE, gallery=30, per_person=2, repeats=1, seed=seed).by_rate[1e-2]
    rng = np.random.default_rng(seed)
    chosen = rng.choice(np.arange(300), 30, replace=False)
    entries: list[tuple[Person, Vector]] = []
    probes: list[int] = []
    for person in chosen.tolist():
        own = rng.permutation(np.flatnonzero(who == person)).tolist()
        entries += [(Person(person, ""), vectors[i]) for i in own[:2] if vectors[i].any()]
        probes += own[2:]
    known = Gallery.build(entries, SCALE)
    matches = [known.match(vectors[i]) if vectors[i].any() else None for i in range(len(who))]
    strangers = sorted(
        (m.similarity if m else -1.0) for m, w in zip(matches, who, strict=True) if w not in chosen
    )
    threshold = strangers[-1 - int(0.01 * len(strangers))]
    right = wrong = 0
    for i in probes:
        match = matches[i]
        if match is not None and match.similarity > threshold and match.person is not None:
            right += match.person.id == who[i]
            wrong += match.person.id != who[i]
    assert at is not None
    assert at.false_positives == 10
    assert at.threshold == pytest.approx(threshold, abs=1e-5)
    assert (at.found, at.wrong) == pytest.approx((right / len(probes), wrong / len(probes)))


def test_a_rate_that_no_gallery_can_show_is_not_told() -> None:
    """700 strangers have none to spare at 0.1 %: fifty galleries of no false positive are still none."""
    vectors, who = crowd(150, 5, 0.5)
    found = identify(vectors, who, SCALE, gallery=10, per_person=3, repeats=50)
    assert found.strangers == 50 * 700
    assert found.by_rate[1e-3] is None
    at = found.by_rate[1e-2]
    assert at is not None
    assert at.false_positives == 50 * 7


def test_a_gallery_larger_than_the_set_is_told() -> None:
    """How many there are, and how many were asked for; the rest of the report stands."""
    vectors, who = crowd(20, 3, 0.5)
    with pytest.raises(ValueError, match="0 people have more than 3 photos, 100 are asked for"):
        identify(vectors, who, SCALE, gallery=100, per_person=3, repeats=1)
    report = evaluate(
        samples_of(vectors, who),
        SCALE,
        model_set="made up",
        model="m",
        gallery=100,
        per_person=3,
        repeats=1,
        seed=0,
        groups={},
    )
    fields = fields_of(report)
    assert fields["identification"] is None
    assert "100 are asked for" in fields["identification_missing"]
    assert fields["verification"]["1e-2"]["impostor_pairs"] == 1710


def test_the_worst_kind_is_told_first() -> None:
    """Dark photos that are noise, and a group that is: each leads its split, with counts to check by hand."""
    vectors, who = crowd(90, 4, 0.3)
    rng = np.random.default_rng(5)
    dark = np.arange(len(who)) % 4 == 0
    noise = rng.normal(size=vectors.shape)
    vectors[dark] = (noise / np.linalg.norm(noise, axis=1, keepdims=True))[dark]
    samples = samples_of(
        vectors, who, [quality(-0.5 if d else 0.1 * i / len(who)) for i, d in enumerate(dark)]
    )
    pairs = all_pairs(vectors, who)
    threshold = pairs.similarity_at(1e-2)
    parts = split(samples, pairs, threshold, {f"p{i}": "even" if i % 2 else "odd" for i in range(90)})
    assert parts[0].kind == "brightness"
    assert parts[0].value.startswith("dark")
    assert parts[0].fnmr is not None
    assert parts[0].fnmr > 2 * (pairs.missed(threshold) - 0.5 * parts[0].fnmr) > 0
    groups = {part.value: part for part in parts if part.kind == "group"}
    assert {part.photos for part in groups.values()} == {180}
    assert groups["odd"].impostors == 180 * 179 // 2 - 45 * 6
    assert groups["odd"].genuine == 45 * 6
    assert all(part.fnmr is None or part.fnmr * part.genuine >= ENOUGH for part in parts)


def test_splits_are_made_at_the_nearest_rate_that_is_supported() -> None:
    """300 photos have 44,250 impostor pairs: too few for 1e-4, enough for 1e-3."""
    report = evaluate(
        samples_of(*crowd(60, 5, 1.0)),
        SCALE,
        model_set="made up",
        model="m",
        gallery=10,
        per_person=3,
        repeats=1,
        seed=0,
        groups={},
    )
    assert fields_of(report)["splits_at"] == "1e-3"


def test_the_curve_falls() -> None:
    """Rarer false matches cost more false non-matches, as far as the data goes."""
    rates, missed = det_curve(all_pairs(*crowd(200, 3, 1.0)))
    assert (np.diff(rates) < 0).all()
    assert (np.diff(missed) >= 0).all()
    assert rates[-1] * 179_100 >= ENOUGH - 1e-6
    assert len(det_curve(all_pairs(*crowd(4, 2, 1.0)))[0]) == 0


@pytest.mark.parametrize(("errors", "trials"), [(0, 9), (1, 26), (13, 20), (20, 20), (1, 7115), (300, 7115)])
def test_the_exact_interval_is_clopper_and_pearsons(errors: int, trials: int) -> None:
    """As scipy's beta distribution gives it."""
    low = beta.ppf(0.025, errors, trials - errors + 1) if errors else 0.0
    high = beta.ppf(0.975, errors + 1, trials - errors) if errors < trials else 1.0
    assert clopper_pearson(errors, trials) == pytest.approx((low, high), abs=1e-9)


def test_groups_are_read_as_spreadsheets_write_them(tmp_path: Path) -> None:
    """A mark at the start is no part of a name; who has no group is in none; a wrong table is told."""
    file = tmp_path / "groups.csv"
    assert read_groups(tmp_path) == {}
    file.write_text("person,group\np1,one \np2\np3,two\n", encoding="utf-8-sig")
    groups = read_groups(tmp_path)
    assert groups == {"p1": "one", "p2": "", "p3": "two"}
    vectors, who = crowd(60, 5, 0.8)
    parts = split(samples_of(vectors, who), all_pairs(vectors, who), 0.5, groups)
    assert {part.value: part.photos for part in parts if part.kind == "group"} == {"one": 5, "two": 5}
    file.write_text("name;group\n")
    with pytest.raises(PhotoError, match="columns person and group"):
        read_groups(tmp_path)
