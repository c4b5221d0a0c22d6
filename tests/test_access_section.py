"""The section ``access``: what it accepts, what it comes to, and how each mistake is told."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from doorctl import yaml_lines
from doorctl.access_section import TOLD, AccessConfig, machine_zone, to_access
from doorctl.core.names import name_key
from doorctl.core.schedule import Access, ClockUnsure, Group, Refusal, Span, Validity, why_not
from doorctl.yaml_lines import dotted

GOOD = """\
access:
  zone: Europe/Vienna        # null: the machine's own zone
  when_clock_unsure: allow
  holidays: [2026-12-25, 2026-12-26]
  groups:
    cleaners:
      people: [Grace Hopper, "Alan Turing"]
      times: {mon-fri: "06:00-08:30, 18:00-20:00", sat: "08:00-12:00"}
    guards:
      people:
        - alan  TURING
      times:
        mon-sun: 22:00-06:00
      holidays: usual
    everyone: {times: {mon-fri: "07:00-20:00"}, holidays: "10:00-12:00"}
  valid:
    Eileen Collins: {from: 2026-01-01, until: 2026-06-30}
    Grace Hopper: {until: 2026-06-30}
"""


class Root(BaseModel):
    """A configuration that has only this section."""

    access: AccessConfig = AccessConfig()


def section(text: str) -> AccessConfig:
    document = yaml_lines.read(text)
    assert document.mistakes == []
    return Root.model_validate(document.data).access


def rules(text: str) -> Access:
    """What the lines below ``access:`` come to."""
    return to_access(section("access:\n" + "\n".join(f"  {line}" for line in text.splitlines())))


def refused(text: str) -> list[tuple[int, str]]:
    """The mistakes that are told, each with its line, as ``config.py`` puts them."""
    document = yaml_lines.read(text)
    assert document.mistakes == []
    with pytest.raises(ValidationError) as caught:
        Root.model_validate(document.data)
    found = list[tuple[int, str]]()
    for error in caught.value.errors():
        assert error["type"] == TOLD
        path = tuple(str(part) for part in error["loc"])
        found.append((document.lines[path], f"{dotted(path)}: {error['msg']}"))
    return found


def test_a_whole_section_comes_to_its_rules() -> None:
    """Groups, holidays, periods and the zone of a file are what ``core.schedule`` is handed."""
    morning, evening = Span(360, 510), Span(1080, 1200)
    cleaners = Group("cleaners", (*((morning, evening),) * 5, (Span(480, 720),), ()))
    guards = Group("guards", ((Span(1320, 1800),),) * 7, None)
    assert to_access(section(GOOD)) == Access(
        members={"grace hopper": (cleaners,), "alan turing": (cleaners, guards)},
        everyone=Group("everyone", (*((Span(420, 1200),),) * 5, (), ()), (Span(600, 720),)),
        valid={
            "eileen collins": Validity(date(2026, 1, 1), date(2026, 6, 30)),
            "grace hopper": Validity(last=date(2026, 6, 30)),
        },
        holidays=frozenset({date(2026, 12, 25), date(2026, 12, 26)}),
        zone=ZoneInfo("Europe/Vienna"),
        when_clock_unsure=ClockUnsure.ALLOW,
    )
    assert section(GOOD).people == ("Grace Hopper", "alan TURING", "Eileen Collins")


def test_a_section_cannot_be_changed_and_can_be_compared() -> None:
    """Two readings of one text are equal and have one hash, which the whole configuration needs."""
    assert section(GOOD) == section(GOOD) != AccessConfig()
    assert hash(section(GOOD)) == hash(section(GOOD))
    with pytest.raises(ValidationError, match="frozen"):
        section(GOOD).zone = None


@pytest.mark.parametrize(
    "text", ["access: {}", "access:\n  groups:\n  holidays:\n  valid:\n  zone:\n", "access: {groups: {}}"]
)
def test_an_empty_section_limits_nobody(text: str) -> None:
    """With every line commented out everybody passes, whatever the clock says, and the defaults hold."""
    assert section(text) == AccessConfig() == AccessConfig.model_validate(AccessConfig().model_dump())
    assert why_not(to_access(section(text)), "ann", None) is None


def test_an_ended_contract_keeps_its_person_out() -> None:
    """From the text of a file to a refusal: the last day still counts, the next does not."""
    access = rules("zone: Europe/Vienna\nvalid: {Eileen Collins: {until: 2026-06-30}}")
    key = name_key("EILEEN  Collins")
    assert why_not(access, key, datetime(2026, 6, 30, 21, 59, tzinfo=UTC)) is None
    assert why_not(access, key, datetime(2026, 6, 30, 22, tzinfo=UTC)) is Refusal.NO_LONGER_VALID


@pytest.mark.parametrize(
    ("times", "monday"),
    [
        ("{mon: 06:00-08:30}", (Span(360, 510),)),
        ('{mon: "06:00-08:30, 18:00-20:00"}', (Span(360, 510), Span(1080, 1200))),
        ("{mon: [06:00-08:30, 18:00-20:00]}", (Span(360, 510), Span(1080, 1200))),
        ("{Monday: 22:00-06:00}", (Span(1320, 1800),)),
        ("{sat-mon: 00:00-24:00}", (Span(0, 1440),)),
        ('{"mon, wed": 8:00-9:00, tue: closed}', (Span(480, 540),)),
        ("{mon: closed}", ()),
        ("{tue-sun: 08:00-12:00}", ()),
        ("{}", ()),
    ],
)
def test_times_mean_what_they_look_like(times: str, monday: tuple[Span, ...]) -> None:
    """Clock times without quotes are no base-sixty numbers, a list is as good as a text, no day is closed."""
    access = rules(f"groups: {{everyone: {{times: {times}}}}}")
    assert access.everyone is not None
    assert access.everyone.week[0] == monday


def test_two_spellings_of_a_name_are_one_person() -> None:
    """In a group they are listed once; of two periods the days hold that both give."""
    found = section(
        "access:\n  groups: {a: {people: [Ann Lee, ANN  LEE], times: {}}}\n"
        "  valid: {Ann Lee: {from: 2026-01-01}, ANN LEE: {from: 2025-01-01, until: 2026-06-30}}"
    )
    assert [name for name, _ in found.valid] == ["Ann Lee"]
    access = to_access(found)
    assert {key: len(groups) for key, groups in access.members.items()} == {"ann lee": 1}
    assert access.valid == {"ann lee": Validity(date(2026, 1, 1), date(2026, 6, 30))}


def test_dates_that_another_reader_has_made_are_taken() -> None:
    """YAML 1.1 makes a date of a date by itself: it means the same; a date with an hour is none."""
    made = AccessConfig.model_validate({"holidays": [date(2026, 12, 25), "2026-12-25", date(2026, 1, 1)]})
    assert made.holidays == (date(2026, 1, 1), date(2026, 12, 25))
    with pytest.raises(ValidationError, match="expected a date with its year"):
        AccessConfig.model_validate({"holidays": [datetime(2026, 12, 25, 8)]})


TIMES = 'expected times in quotes, such as "08:00-12:00" or "06:00-08:30, 18:00-20:00", or closed'


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("access: 3", "access: 3, expected keys such as 'zone: ...' below it"),
        ("access: {zoen: 3}", "access.zoen: unknown key, did you mean zone?"),
        ("access: {x: 3}", "access.x: unknown key, expected one of zone, when_clock_unsure, holidays, "),
        ("access: {zone: 3}", "access.zone: 3, expected a time zone's name such as Europe/Vienna, or null"),
        ("access: {zone: Europe/Wien}", 'access.zone: "Europe/Wien" is no time zone, did you mean Europe/Vi'),
        ("access: {zone: vienna}", 'access.zone: "vienna" is no time zone, did you mean Europe/Vienna or '),
        ("access: {zone: New York}", 'access.zone: "New York" is no time zone, did you mean America/New_Y'),
        ("access: {zone: ''}", 'access.zone: "" is no time zone, expected a name such as Europe/Vienna'),
        ("access: {zone: Europe}", 'access.zone: "Europe" is no time zone'),
        ("access: {zone: ../Europe/Vienna}", 'access.zone: "../Europe/Vienna" is no time zone'),
        ("access: {zone: right/Europe/Vienna}", 'access.zone: "right/Europe/Vienna" is no time zone'),
        ("access: {when_clock_unsure: no}", 'access.when_clock_unsure: "no", expected deny or allow'),
        ("access: {when_clock_unsure: false}", "access.when_clock_unsure: false, expected deny or allow"),
        (
            "access: {holidays: 2026-12-25}",
            'access.holidays: "2026-12-25", expected a list of dates, such as',
        ),
        ("access: {holidays: false}", "access.holidays: false, expected a list of dates, such as"),
        (
            "access: {holidays: [2026-02-30]}",
            'access.holidays: "2026-02-30", which is no day of the calendar',
        ),
        ("access: {holidays: [25.12.2026]}", 'access.holidays: "25.12.2026", expected a date with its year'),
        ("access: {holidays: [12-25]}", 'access.holidays: "12-25", expected a date with its year'),
        ("access: {holidays: [20261225]}", "access.holidays: 20261225, expected a date with its year"),
        ("access: {holidays: [2026-W52-5]}", 'access.holidays: "2026-W52-5", expected a date with its year'),
        ("access: {holidays: [null]}", "access.holidays: null, expected a date with its year"),
        ("access: {groups: [a]}", 'access.groups: ["a"], expected names of groups, each with people, times'),
        ("access: {groups: {a: 3}}", "access.groups.a: 3, expected keys such as 'people: ...' below it"),
        ("access: {groups: {a: }}", "access.groups.a: null, expected keys such as 'people: ...' below it"),
        ("access: {groups: {a: {times: {}}}}", "access.groups.a: no people, expected a list of names: only"),
        ("access: {groups: {a: {people: []}}}", "access.groups.a: no times, expected days with their times,"),
        (
            "access: {groups: {Everyone: {times: {}}}}",
            "access.groups.Everyone: expected everyone in small letters, or another name",
        ),
        (
            "access: {groups: {everyone: {people: [Ann], times: {}}}}",
            "access.groups.everyone: everyone takes no people: it is whoever is in no other group",
        ),
        (
            "access: {groups: {a: {people: [], times: {}, holidas: closed}}}",
            "access.groups.a.holidas: unknown key, did you mean holidays?",
        ),
        (
            "access: {groups: {a: {people: Ann, times: {}}}}",
            'access.groups.a.people: "Ann", expected a list of names, such as [Grace Hopper, "Alan Turing"]',
        ),
        (
            "access: {groups: {a: {people: null, times: {}}}}",
            "access.groups.a.people: null, expected a list of names",
        ),
        (
            "access: {groups: {a: {people: [Ann, 7], times: {}}}}",
            "access.groups.a.people: 7, expected a name: put it in quotes if it is one",
        ),
        (
            "access: {groups: {a: {people: [Null], times: {}}}}",
            "access.groups.a.people: null, expected a name: put it in quotes if it is one",
        ),
        (
            'access: {groups: {a: {people: ["#4"], times: {}}}}',
            'access.groups.a.people: the name "#4" begins with #',
        ),
        (
            'access: {groups: {a: {people: ["A\\nB"], times: {}}}}',
            "access.groups.a.people: the name 'A\\nB' holds the character U+000A",
        ),
        (
            "access: {groups: {a: {people: [], times: 08:00-12:00}}}",
            'access.groups.a.times: "08:00-12:00", expected days with their times, such as {mon-fri:',
        ),
        (
            "access: {groups: {a: {people: [], times: }}}",
            "access.groups.a.times: null, expected days with their times",
        ),
        (
            "access: {groups: {a: {people: [], times: {}, holidays: maybe}}}",
            f'access.groups.a.holidays: "maybe", {TIMES}; usual keeps the day\'s own',
        ),
        (
            "access: {groups: {a: {people: [], times: {}, holidays: true}}}",
            f"access.groups.a.holidays: true, {TIMES}",
        ),
        (
            "access: {valid: [Ann]}",
            'access.valid: ["Ann"], expected names of people, each with from, until or',
        ),
        (
            "access: {valid: {Ann: 2026-06-30}}",
            'access.valid.Ann: "2026-06-30", expected keys such as \'from:',
        ),
        ("access: {valid: {Ann: {}}}", "access.valid.Ann: no day, expected from, until, or both below it"),
        (
            "access: {valid: {Ann: {from: 2026-01-02, until: 2026-01-01}}}",
            "access.valid.Ann: from is after until, so no day is left",
        ),
        (
            "access: {valid: {Ann: {from: null}}}",
            "access.valid.Ann.from: null, expected a date with its year",
        ),
        (
            "access: {valid: {Ann: {to: 2026-01-02}}}",
            "access.valid.Ann.to: unknown key, expected one of from,",
        ),
        (
            "access: {valid: {Ann: {untl: 2026-01-02}}}",
            "access.valid.Ann.untl: unknown key, did you mean unti",
        ),
        (
            'access: {groups: {a: {people: ["#\ue000"], times: {}}}}',
            'access.groups.a.people: \'the name "#\\ue000"',
        ),
        ('access: {valid: {"#4": {until: 2026-01-02}}}', 'access.valid."#4": the name "#4" begins with #'),
        (
            "access: {valid: {Ann: {until: 2026-01-01}, ANN: {from: 2026-03-01}}}",
            'access.valid.ANN: no day in common with "Ann", who is the same person',
        ),
    ],
)
def test_each_mistake_is_told_with_what_was_meant(line: str, told: str) -> None:
    """One line that begins with the whole key, fit for a terminal, whatever the value is."""
    ((number, text),) = refused(f"# a comment first\n{line}\n")
    assert (number, text[: len(told)]) == (2, told)
    assert text.isprintable()
    assert len(text) < 260


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ("{mno: closed}", "times.mno: 'mno' is no day of the week, did you mean mon?"),
        ("{tue-fry: closed}", "times.tue-fry: 'fry' is no day of the week, did you mean friday?"),
        ("{mo: closed}", "times.mo: 'mo' is no day of the week, did you mean mon?"),
        ("{montag: closed}", "times.montag: 'montag' is no day of the week, did you mean monday?"),
        ("{x: closed}", "times.x: 'x' is no day of the week, expected a day such as mon, or days such as"),
        ("{'': closed}", "times.\"\": '' is no day of the week, expected a day such as mon"),
        ("{mon-: closed}", "times.mon-: '' is no day of the week"),
        ('{"a\\e": closed}', "times.\"a\\u001b\": 'a\\x1b' is no day of the week"),
        ("{mon: 06:00-08:30, 18:00-20:00}", f'times."18:00-20:00": no day of the week, {TIMES}'),
        (
            "{mon-sun: closed, wed: closed}",
            'times.wed: wednesday is in "mon-sun" already: name each day once',
        ),
        ("{mon: 8-12}", f'times.mon: "8-12", {TIMES}'),
        ("{mon: 08:30}", f'times.mon: "08:30", {TIMES}'),
        ("{mon: 25:00-26:00}", f'times.mon: "25:00-26:00", {TIMES}'),
        ("{mon: 08:60-09:00}", f'times.mon: "08:60-09:00", {TIMES}'),
        ("{mon: 8am-9am}", f'times.mon: "8am-9am", {TIMES}'),
        ("{mon: '08:00-12:00,'}", f'times.mon: "08:00-12:00,", {TIMES}'),
        ("{mon: ''}", f'times.mon: "", {TIMES}'),
        ("{mon: off}", f'times.mon: "off", {TIMES}'),
        ("{mon: false}", f"times.mon: false, {TIMES}"),
        ("{mon: }", f"times.mon: null, {TIMES}"),
        ("{mon: 510}", f"times.mon: 510, {TIMES}"),
        ("{mon: 8.3}", f"times.mon: 8.3, {TIMES}"),
        ("{mon: []}", f"times.mon: [], {TIMES}"),
        ("{mon: [6]}", f"times.mon: [6], {TIMES}"),
        ("{mon: [closed, 08:00-12:00]}", f'times.mon: ["closed", "08:00-12:00"], {TIMES}'),
        ("{mon: 24:00-06:00}", 'times.mon: "24:00-06:00", but a day begins at 00:00 and ends at 24:00'),
        ("{mon: 08:00-24:01}", 'times.mon: "08:00-24:01", but a day begins at 00:00 and ends at 24:00'),
        (
            "{mon: 08:00-08:00}",
            'times.mon: "08:00-08:00", of which one ends as it begins: a whole day is "00',
        ),
        ("{mon: \u0660\u0668:00-12:00}", 'times.mon: "\u0660\u0668:00-12:00", expected times'),
    ],
)
def test_each_mistake_in_times_is_told(times: str, told: str) -> None:
    """The day that is wrong is named, with the nearest right one or what times look like."""
    ((_, text),) = refused(f"access: {{groups: {{a: {{people: [], times: {times}}}}}}}")
    assert text.startswith(f"access.groups.a.{told}")
    assert text.isprintable()


def test_all_mistakes_are_told_at_once_each_on_its_own_line() -> None:
    """However deep they are, and several of one list with one key."""
    text = """\
access:
  zone: Europe/Wien
  holidays:
    - 2026-12-25
    - 25.12.
    - 26.12.
  groups:
    a:
      people: [Ann, 5]
      times:
        mon: 8-12
        fry: 08:00-12:00
    b:
      times: {}
  valid:
    Ann: {from: x, until: y}
"""
    assert [(line, told.partition(":")[0]) for line, told in refused(text)] == [
        (2, "access.zone"),
        (3, "access.holidays"),
        (3, "access.holidays"),
        (9, "access.groups.a.people"),
        (11, "access.groups.a.times.mon"),
        (12, "access.groups.a.times.fry"),
        (13, "access.groups.b"),
        (16, "access.valid.Ann.from"),
        (16, "access.valid.Ann.until"),
    ]


KEYS = st.sampled_from(
    [*AccessConfig.model_fields, "a", "everyone", "people", "times", "mon", "mon-fri", "from", "until"]
)
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["08:00-12:00", "closed", "usual", "2026-12-25", "Europe/Vienna"]),
)
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=15,
)
NESTED = st.fixed_dictionaries(
    {},
    optional={
        "zone": PLAIN,
        "holidays": ANYTHING,
        "groups": st.dictionaries(
            KEYS,
            st.fixed_dictionaries({"people": ANYTHING, "times": ANYTHING}, optional={"holidays": ANYTHING}),
        ),
        "valid": st.dictionaries(KEYS, st.dictionaries(st.sampled_from(["from", "until"]), ANYTHING)),
    },
)


@settings(max_examples=300, deadline=None)
@given(ANYTHING | NESTED)
def test_nothing_whatever_crashes(data: Any) -> None:
    """Any value gives rules, or mistakes that are told, each at a key that is there."""
    try:
        found = Root.model_validate({"access": data}).access
    except ValidationError as refused:
        for error in refused.errors():
            assert error["type"] == TOLD
            assert error["msg"].isprintable()
            here: Any = {"access": data}
            for key in error["loc"]:
                here = here[key]
    else:
        why_not(to_access(found), "ann", datetime(2026, 5, 4, tzinfo=UTC))


@pytest.fixture
def no_tz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ", raising=False)


def zone_file(name: str) -> Path:
    found = (Path("/usr/share/zoneinfo") / name).resolve()
    if not found.is_file():
        pytest.skip("no time zones in /usr/share/zoneinfo")
    return found


@pytest.mark.usefixtures("no_tz")
def test_without_a_zone_the_machines_own_holds(tmp_path: Path) -> None:
    """As a link, by its name; as a copy, by its content; UTC where there is neither."""
    vienna, localtime = zone_file("Europe/Vienna"), tmp_path / "localtime"
    assert machine_zone(localtime) == UTC
    localtime.symlink_to(vienna)
    assert machine_zone(localtime) == ZoneInfo("Europe/Vienna")
    localtime.unlink()
    localtime.write_bytes(vienna.read_bytes())
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert noon.astimezone(machine_zone(localtime)).hour == 14
    localtime.write_bytes(b"no zone")
    assert machine_zone(localtime) == UTC


@pytest.mark.parametrize("name", ["Asia/Kathmandu", ":Asia/Kathmandu"])
def test_the_variable_tz_goes_first(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A service that is given a zone of its own has it, as every other program would."""
    monkeypatch.setenv("TZ", name)
    assert machine_zone(Path(os.devnull)) == ZoneInfo("Asia/Kathmandu")
    assert to_access(AccessConfig()).zone == ZoneInfo("Asia/Kathmandu")


@pytest.mark.parametrize(
    "name", ["", "CET-1CEST,M3.5.0,M10.5.0/3", "../../etc/passwd", "Europe", "/etc/nothing"]
)
def test_a_variable_tz_that_names_no_zone_is_passed_over(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What is no zone's name does not stop the door."""
    monkeypatch.setenv("TZ", name)
    assert machine_zone(Path("/nowhere/localtime")) == UTC
