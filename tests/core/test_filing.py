"""What a file's place in the folder means."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from doorctl.core.camera_names import is_camera_name
from doorctl.core.filing import PICTURES, Filed, Mark, Refusal, file_of, ignored, shown
from doorctl.core.names import clean_name, name_key
from doorctl.errors import NameRefusedError

Ends = Literal["first", "last"]
BOTH: tuple[Ends, Ends] = ("first", "last")


def first(path: str) -> Filed | Mark | Refusal | None:
    return file_of(path, ends_at="first")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("Grace Hopper-1.jpg", "Grace Hopper"),
        ("Grace Hopper - at work.JPEG", "Grace Hopper"),
        ("Grace Hopper.png", "Grace Hopper"),
        ("Grace Hopper-2", "Grace Hopper"),
        ("  Grace   Hopper  -1.heic", "Grace Hopper"),
        ("Grace Hopper - Copy.jpg", "Grace Hopper"),
        ("Grace Hopper-1 (conflicted copy).jpg", "Grace Hopper"),
        ("Grace Hopper.heic.jpg", "Grace Hopper"),
        ("Grace Hopper.jpg-large", "Grace Hopper"),
        ("Sammy Davis Jr..jpg", "Sammy Davis Jr."),
        ("Dr. Grace Hopper", "Dr. Grace Hopper"),
        ("J.R.R. Tolkien-1.webp", "J.R.R. Tolkien"),
        ("Zoe\u0308 Lee-1.jpg", "Zoë Lee"),
        ("Jean-Luc Picard.jpg", "Jean"),
        ("王小明-1.jpg", "王小明"),
        ("Åsa.jpg", "Åsa"),
        ("علي-2.jpg", "علي"),
        ("علي.محمد", "علي.محمد"),
        ("O'Neil, Ann-1.jpg", "O'Neil, Ann"),
        ("Grace Hopper/portrait.jpg", "Grace Hopper"),
        ("Grace Hopper/IMG_1234.jpg", "Grace Hopper"),
        ("Grace Hopper/1", "Grace Hopper"),
        ("Jean-Luc Picard/1.jpg", "Jean-Luc Picard"),
        ("Dennis-denys.jpg", "Dennis"),
        ("Denyse.jpg", "Denyse"),
        ("Denyse-1.jpg", "Denyse"),
        ("Deny Tremblay-1.jpg", "Deny Tremblay"),
        *(
            (f"{name}-1.jpg", name)
            for name in ("Photini", "Scanlon", "Imogen", "Dalia", "Foto Müller", "Pixley")
        ),
        *(
            (f"{name}-1.jpg", name)
            for name in ("Sam", "Vid", "Jan", "April", "May", "Abe", "Ada", "Signal Smith")
        ),
        *(
            (f"{name}.jpg", name)
            for name in ("Sam 2", "Jan 1", "Marta 12 2020", "Dalle", "An", "Camera Obscura")
        ),
    ],
)
def test_names(path: str, name: str) -> None:
    """A photo is its person's by the first hyphen or by its folder, in any script, with real names let be."""
    assert first(path) == Filed(name)


def test_the_last_hyphen_ends_the_name_where_it_is_set_so() -> None:
    """Hyphenated people can have numbered photos in one folder."""
    assert file_of("Jean-Luc Picard-1.jpg", ends_at="last") == Filed("Jean-Luc Picard")
    assert file_of("Grace Hopper.jpg", ends_at="last") == Filed("Grace Hopper")
    assert file_of("Jean-Luc Picard/a-1.jpg", ends_at="last") == Filed("Jean-Luc Picard")


GRACE = [
    "Grace Hopper-DENY",
    "Grace Hopper-DENY.txt",
    "Grace Hopper-deny.JPG",
    "Grace Hopper - Deny.md",
    "Grace Hopper -DENY",
    "Grace Hopper-DENY (1).jpg",
    "Grace Hopper-DENY 2",
    "Grace Hopper-DENY2.txt",
    "Grace Hopper-DENY_old.txt",
    "Grace Hopper-DENY (conflicted copy).txt",
    "Grace Hopper-DENY - Copy.jpg",
    "Grace Hopper–DENY.txt",  # noqa: RUF001
    "Grace Hopper—DENY",
    "Grace Hopper-(DENY).txt",
    "Grace Hopper-\u200eDENY.txt",
    "Grace\u200b Hopper-DENY.txt",
    "Grace Hopper-\uff24\uff25\uff2e\uff39.txt",
    "Grace Hopper\uff0d\uff44\uff45\uff4e\uff59.txt",
    "Grace Hopper/\uff24\uff25\uff2e\uff39",
    "Grace Hopper.jpg-DENY.txt",
    "Grace Hopper (1)-DENY.jpg",
    "Grace Hopper/DENY",
    "Grace Hopper/deny.txt",
    "Grace Hopper/DENY (1).txt",
    "Grace Hopper/x-DENY.jpg",
    "Grace Hopper/Alan Turing-DENY.jpg",
    "Grace Hopper-DENY/x.jpg",
    "Grace Hopper - deny/IMG_1.mov",
    "Grace Hopper-DENY/a/b/c",
    "Grace Hopper/a/DENY.txt",
    "team/Grace Hopper-DENY/x.jpg",
    "IMG_1234/Grace Hopper-DENY.jpg",
    "Photos/Grace Hopper-DENY.jpg",
    "DENY/Grace Hopper-DENY.jpg",
]


@pytest.mark.parametrize("path", GRACE)
def test_marks(path: str) -> None:
    """However the mark is written and whatever computers make of it, Grace Hopper is denied."""
    for ends_at in BOTH:
        assert file_of(path, ends_at=ends_at) == Mark("Grace Hopper", "Grace Hopper")


def test_a_mark_tells_both_what_is_written_and_how_photos_are_filed() -> None:
    """Whether Jean or Jean-Luc Picard is meant depends on who is known, so both are told."""
    assert first("Jean-Luc Picard-DENY.txt") == Mark("Jean", "Jean-Luc Picard")
    assert first("Grace Hopper-1-DENY.jpg") == Mark("Grace Hopper", "Grace Hopper-1")
    assert file_of("Jean-Luc Picard-1-DENY.jpg", ends_at="last") == Mark(
        "Jean-Luc Picard", "Jean-Luc Picard-1"
    )
    assert first("Jean-Luc Picard-DENY/1.jpg") == Mark("Jean-Luc Picard", "Jean-Luc Picard")
    assert first("-Luc-DENY") == Mark("-Luc", "-Luc")


def test_a_mark_beats_refusals() -> None:
    """Somebody whose name looks like a camera's can be denied even so."""
    assert first("IMG_1234-DENY.jpg") == Mark("IMG_1234", "IMG_1234")
    assert first("Photo-DENY.txt") == Mark("Photo", "Photo")
    assert first("IMG_1234/DENY.txt") == Mark("IMG_1234", "IMG_1234")
    assert first("12-DENY") == Mark("12", "12")


@pytest.mark.parametrize(
    "path",
    [
        *("DENY.jpg", "deny", "DENY/x.jpg", "DENY/DENY.txt", "-DENY.jpg", " - deny", "DENY-Grace Hopper.jpg"),
        *("Grace Hopper DENY.jpg", "Grace Hopper_DENY.txt", "DENY Grace Hopper", "DENY/Grace Hopper.jpg"),
        *("Grace Hopper/Grace Hopper DENY.jpg", "a/b/Grace DENY.jpg", "Jos\ufffdE9-DENY.txt", "#12-DENY"),
    ],
)
def test_a_mark_without_a_person_is_told(path: str) -> None:
    """DENY that denies nobody is never silent, nor taken for a person: it says how to write it."""
    refused = first(path)
    assert isinstance(refused, Refusal)
    assert "DENY" in refused.why
    assert "Grace Hopper-DENY" in refused.hint


CAMERAS = """
IMG_1234.jpg|IMG-20200101-WA0001.jpg|img_e1234.HEIC|IMG 1.jpg|IMG.jpg|DSC_0001.jpg|_DSC0001.jpg|DSC00001.jpg
DSCN1234.jpg|DSCF1234.jpg|DCIM.jpg|PXL_20230101_123456789.jpg|PXL_2023.MP.jpg|P1010001.JPG|MVIMG_20200101.jpg
GOPR0001.jpg|GX010001.jpg|_MG_1234.jpg|DJI_0001.jpg|SAM_0001.jpg|VID-20200101-WA0001.jpg
Screenshot 2020-01-01 at 10.11.12.png|Screenshot_20200101-101112_Chrome.png|Screenshot (12).png|Screenshot.png
Bildschirmfoto 2020-01-01 um 10.11.12.png|Screen Shot 2020-01-01 at 9.41.00\u202fAM.png|Capture d’écran 1.png
WhatsApp Image 2020-01-01 at 10.11.12.jpeg|Signal-2020-01-01-123456.jpg|signal-2020-01-01-12-34.jpg
Telegram.jpg|telegram-cloud-photo.jpg|photo_2020-01-01_10-11-12.jpg|FB_IMG_1234.jpg|received_123456.jpeg
image (1).jpg|image0.jpeg|Image from iOS.jpg|photo.jpg|Photo-1.jpg|foto.jpg|Fotos 2.jpg|picture 3.png|scan.tif
Scan_20200101.jpg|untitled.png|unnamed.jpg|download.jpg|download (3).jpeg|FullSizeRender.jpg|selfie.jpg
portrait-2.jpg|camera.jpg|my photo.jpg|Photo on 01.02.20 at 10.15.jpg|Adobe Scan 1. Jan. 2020.jpg
AdobeStock_1234.jpg|Adobe Express - file.png|DALL·E 2023.png|DALL-E 2023.png|January 1, 2020.jpg
1 Jan 2020.jpg|550e8400-e29b-41d4-a716-446655440000.jpg|deadbeef-e29b-41d4-a716-446655440000.jpg
{550E8400-E29B-41D4-A716}.jpg|0123456789abcdef.jpg|d41d8cd98f00b204e9800998ecf8427e.jpg|ＩＭＧ＿１２３４.jpg
照片.jpg|スクリーンショット 1.png
""".strip().replace("\n", "|")  # noqa: RUF001


@pytest.mark.parametrize("path", CAMERAS.split("|"))
@pytest.mark.parametrize("ends_at", BOTH)
def test_names_of_cameras_and_apps(path: str, ends_at: Ends) -> None:
    """A picture as a camera or an app called it gives nobody access, and the advice is to rename it."""
    refused = file_of(path, ends_at=ends_at)
    assert isinstance(refused, Refusal)
    assert "a camera's or an app's" in refused.why
    assert "Grace Hopper-1.jpg" in refused.hint
    folder = file_of(f"{path.rpartition('.')[0]}/1.jpg", ends_at=ends_at)
    assert isinstance(folder, Refusal)
    assert "the folder's name" in folder.why


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("a/b/c.jpg", "inside a folder"),
        ("../../x.jpg", "no place"),
        ("./x.jpg", "no place"),
        ("/x.jpg", "no place"),
        ("a//x.jpg", "no place"),
        ("a/", "no place"),
        ("", "no place"),
        ("-1.jpg", "names nobody"),
        ("   -1.jpg", "names nobody"),
        ("#12.jpg", "names nobody"),
        ("   ", "names nobody"),
        ("   /x.jpg", "names nobody"),
        ("2020-01-01.jpg", "no letter"),
        ("20200101_101112.jpg", "no letter"),
        ("12.jpg", "no letter"),
        ("12/Grace Hopper.jpg", "no letter"),
        ("\U0001f600.jpg", "no letter"),
        ("#Grace.jpg", "begins with #"),
        ("Gr\0ace-1.jpg", r"U\+0000"),
        ("Gr\nace-1.jpg", r"U\+000A"),
        ("Gr\u202eace-1.jpg", r"U\+202E"),
        ("Jos\udce9.jpg", r"U\+DCE9"),
        ("Jos\ufffdE9.jpg", "cannot be read"),
        ("x" * 251 + ".jpg", "251 characters"),
        ("x" * 100_000, "100000 characters"),
        ("-" * 100_000, "names nobody"),
        ("Grace Hopper (1).jpg", "second copy"),
        ("Grace Hopper (Jean-Luc's conflicted copy 2020-01-01).jpg", "second copy"),
        ("Grace Hopper (Ann's conflicted copy 2020-01-01).jpg", "second copy"),
        ("Grace Hopper.txt", "a .txt file"),
        ("Grace Hopper-1.MP4", "a .mp4 file"),
        ("Grace Hopper/note.pdf", "a .pdf file"),
        ("Grace Hopper.svg", "a .svg file"),
        ("Grace Hopper.jpg~", "a .jpg~ file"),
    ],
)
def test_refusals(path: str, why: str) -> None:
    """Each has its own reason and an advice, in printable text of one line that is not long."""
    for ends_at in BOTH:
        refused = file_of(path, ends_at=ends_at)
        assert isinstance(refused, Refusal)
        assert re.search(why, refused.why)
        assert refused.why.isprintable()
        assert refused.hint.isprintable()
        assert refused.hint
        assert len(refused.why) <= 200


def test_endings() -> None:
    """Every picture's ending will do, in any case, at the top and in a folder."""
    for ending in PICTURES:
        assert first(f"Grace Hopper-1.{ending.upper()}") == Filed("Grace Hopper")
        assert first(f"Grace Hopper/1.{ending}") == Filed("Grace Hopper")


IGNORED = [
    *("_doorctl/status.txt", "_Doorctl/Grace Hopper-DENY.txt", ".hidden.jpg", ".hidden/Grace Hopper.jpg"),
    *(
        "Grace Hopper/.DS_Store",
        "desktop.ini",
        "Grace Hopper/Desktop.ini",
        "Thumbs.db",
        "~$Grace.docx",
        "Icon\r",
    ),
    *("._Grace Hopper-1.jpg", "Grace Hopper-1.jpg.part", "Grace Hopper.TMP", "Grace.jpg.crdownload"),
    *("System Volume Information/WPSettings.dat", "Grace Hopper/@eaDir/1.jpg", ".Grace Hopper-DENY.txt"),
]


@pytest.mark.parametrize("path", IGNORED)
def test_ignored(path: str) -> None:
    """What doorctl or a computer puts there is passed over without a word."""
    assert ignored(path)
    assert first(path) is None


def test_shown() -> None:
    """What may come from anyone stands in a message as one printable line of bounded length."""
    assert shown("Gr\x1b[31m\nace\u202e") == "Gr?[31m?ace?"
    assert shown("x" * 61) == "x" * 59 + "…"
    assert shown("x" * 60) == "x" * 60


texts = st.text(st.characters(), max_size=30) | st.text("aZ-./ _DENYdeny(1)\u0308\u200d\udc80王", max_size=30)
ends = st.sampled_from(BOTH)


@st.composite
def names(draw: st.DrawFn) -> str:
    """What can be a person's name, and stays whole when a file is called so."""
    try:
        name = clean_name(draw(st.text(min_size=1, max_size=30)))
    except NameRefusedError:
        name = ""
    assume(any(unicodedata.category(c).startswith("L") for c in name))
    assume(not any(c in name for c in "/-.(\ufffd") and "deny" not in name.casefold())
    assume(not ignored(f"{name}/x") and not ignored(name))
    return name


@given(texts, ends)
def test_anything_has_a_meaning(path: str, ends_at: Ends) -> None:
    """No path raises; who is named has a clean name, and what is refused says so in printable words."""
    meaning = file_of(path, ends_at=ends_at)
    if isinstance(meaning, Filed):
        assert clean_name(meaning.name) == meaning.name
    elif isinstance(meaning, Mark):
        assert clean_name(meaning.name) == meaning.name
        assert clean_name(meaning.spelt) == meaning.spelt
    elif isinstance(meaning, Refusal):
        assert meaning.why.isprintable()
        assert meaning.hint.isprintable()


@given(
    names(),
    st.sampled_from(["-DENY", "-deny", " - Deny", "- DENY", "-1-DENY"]),
    st.sampled_from(["", ".txt", ".jpg", " (1).jpg", " 2", " - Copy.jpg", " (conflicted copy).heic", ".mov"]),
    ends,
)
def test_a_mark_after_a_name_always_denies(name: str, mark: str, tail: str, ends_at: Ends) -> None:
    """Whatever the name and whatever follows, the person is denied, at the top and in their own folder."""
    found = file_of(name + mark + tail, ends_at=ends_at)
    assert isinstance(found, Mark)
    assert found.name == name
    assume(not is_camera_name(name))
    assert file_of(f"{name}/x{mark}{tail}", ends_at=ends_at) == Mark(name, name)
    assert file_of(f"{name}/DENY{tail}", ends_at=ends_at) == Mark(name, name)


@given(names(), st.sampled_from(["{}-1.jpg", "{}/1.jpg", "{}-DENY", "{}.jpg"]), ends)
def test_both_ways_to_compose_letters_are_one_person(name: str, pattern: str, ends_at: Ends) -> None:
    """A Mac writes NFD, other computers NFC: the key of the name is the same, or both are refused alike."""
    found = [
        file_of(pattern.format(unicodedata.normalize(form, name)), ends_at=ends_at) for form in ("NFC", "NFD")
    ]
    assert type(found[0]) is type(found[1])
    keys = {name_key(each.name) for each in found if isinstance(each, Filed | Mark)}
    assert len(keys) <= 1


@given(texts, st.sampled_from([".{}", "_doorctl/{}", ".x/{}", "Grace Hopper/.{}", "~${}", "{}.part"]), ends)
def test_what_is_ignored_names_nobody(text: str, pattern: str, ends_at: Ends) -> None:
    """Hidden and half-downloaded files neither let anybody in nor keep anybody out."""
    assert not isinstance(file_of(pattern.format(text), ends_at=ends_at), Filed | Mark)
