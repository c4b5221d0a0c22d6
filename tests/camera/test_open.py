"""Every kind of source, opened by name, with the failures that really happen."""

from __future__ import annotations

import logging
import os
import socket
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from doorctl.camera.open import open_camera
from doorctl.core.records import Frame
from doorctl.errors import CameraError
from tests.fakes import FakePicamera2

COUNT = 12


def write_clip(path: Path, code: str, count: int = COUNT) -> Path:
    """Frames whose brightness tells their number, 10 a second."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), 10, (160, 120))
    assert writer.isOpened()
    for number in range(count):
        writer.write(np.full((120, 160, 3), number * 20, np.uint8))
    writer.release()
    return path


def write_folder(path: Path, count: int = COUNT) -> Path:
    """Pictures whose blue tells their number."""
    path.mkdir()
    for number in range(count):
        image = np.full((12, 16, 3), (number * 20, 7, 200), np.uint8)
        cv2.imwrite(str(path / f"frame{number}.png"), image)
    return path


def frames(source: Path, **options: float | bool) -> list[Frame | None]:
    with open_camera(source, **options) as camera:  # type: ignore[arg-type]  # options of several types
        return list(camera)


@pytest.mark.parametrize(("code", "suffix"), [("mp4v", ".mp4"), ("MJPG", ".avi")])
def test_a_video_gives_every_frame_at_its_own_time(tmp_path: Path, code: str, suffix: str) -> None:
    """As fast as asked for: nothing dropped, nothing twice, the clip's clock."""
    clip = [f for f in frames(write_clip(tmp_path / f"clip{suffix}", code)) if f is not None]
    assert [f.number for f in clip] == list(range(COUNT))
    assert [f.at for f in clip] == pytest.approx([n / 10 for n in range(COUNT)])
    assert [round(float(f.image.mean()) / 20) for f in clip] == list(range(COUNT))
    assert clip[0].image.shape == (120, 160, 3)


def test_a_folder_is_played_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    """frame10 comes after frame9; other files are left alone; times follow the rate."""
    folder = write_folder(tmp_path / "frames")
    (folder / "notes.txt").write_text("not a picture")
    clip = [f for f in frames(folder, fps=5.0) if f is not None]
    assert [f.image[0, 0].tolist() for f in clip] == [[n * 20, 7, 200] for n in range(COUNT)]
    assert [f.at for f in clip] == pytest.approx([n / 5 for n in range(COUNT)])


def huge_png() -> bytes:
    """A PNG whose header promises 20,000 x 20,000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def test_pictures_that_cannot_be_read_are_ticks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A text file, a cut and an absurd picture: ``None`` in their places, each told once even in a loop."""
    folder = write_folder(tmp_path / "frames", 5)
    (folder / "frame1.png").write_text("this is no picture")
    (folder / "frame2.png").write_bytes((folder / "frame2.png").read_bytes()[:60])
    (folder / "frame3.png").write_bytes(huge_png())
    with open_camera(folder, loop=True) as camera:
        twice = [next(camera) for _ in range(10)]
    assert [f.number if f else None for f in twice] == [0, None, None, None, 4, 5, None, None, None, 9]
    assert [r.getMessage().split()[0].rpartition("/")[2] for r in caplog.records] == [
        f"frame{n}.png" for n in (1, 2, 3)
    ]


def test_a_loop_goes_on_in_time(tmp_path: Path) -> None:
    """The second round begins one period after the first ended, with numbers going on."""
    with open_camera(write_clip(tmp_path / "clip.avi", "MJPG"), loop=True) as camera:
        clip = [f for _, f in zip(range(COUNT * 2 + 1), camera, strict=False) if f is not None]
    assert [f.number for f in clip] == list(range(COUNT * 2 + 1))
    assert [f.at for f in clip] == pytest.approx([n / 10 for n in range(COUNT * 2 + 1)])
    assert np.array_equal(clip[0].image, clip[COUNT].image)


def test_in_real_time_frames_come_at_their_times(tmp_path: Path) -> None:
    """Twelve frames at 40 a second last 0.275 s, and ``at`` is on the clock's scale."""
    folder, began = write_folder(tmp_path / "frames"), time.monotonic()
    clip = [f for f in frames(folder, fps=40.0, realtime=True) if f is not None]
    assert 0.27 <= time.monotonic() - began < 2.0
    assert clip[0].at >= began
    assert clip[-1].at - clip[0].at == pytest.approx(11 / 40)


def test_in_real_time_a_slow_loop_misses_frames(tmp_path: Path) -> None:
    """Late frames are dropped as by a camera, and the numbers tell."""
    with open_camera(write_folder(tmp_path / "frames"), fps=50.0, realtime=True) as camera:
        numbers = []
        for frame in camera:
            assert frame is not None
            numbers.append(frame.number)
            time.sleep(0.08)
    assert numbers[0] == 0
    assert 2 <= len(numbers) < COUNT - 3


def test_closing_ends_the_wait_for_the_next_frame(tmp_path: Path) -> None:
    """A camera that is closed has no more frames."""
    camera = open_camera(write_folder(tmp_path / "frames"), fps=0.1, realtime=True)
    assert next(camera) is not None
    camera.close()
    assert list(camera) == []


@pytest.mark.parametrize("rotate", [0, 90])
def test_clips_are_turned(tmp_path: Path, rotate: int) -> None:
    """Rotation is the camera's business, whatever the camera."""
    (first, *_) = frames(write_clip(tmp_path / "clip.avi", "MJPG"), rotate=rotate)
    assert first is not None
    assert first.image.shape == ((160, 120, 3) if rotate else (120, 160, 3))


def test_a_truncated_video_ends_early_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What can be read is played; that the rest is missing is told."""
    path = write_clip(tmp_path / "clip.avi", "MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    clip = frames(path)
    assert 0 < len(clip) < COUNT
    assert [r.getMessage().split(" ends ")[1] for r in caplog.records] == [
        f"after {len(clip)} of {COUNT} frames"
    ]


def write_cut_clip(path: Path) -> Path:
    """A video whose index, which stands at its end, was never written."""
    write_clip(path, "mp4v")
    path.write_bytes(path.read_bytes()[:2000])
    return path


def test_clips_that_cannot_be_played_are_told_at_once(tmp_path: Path) -> None:
    """Missing, empty, cut, not a video, a pipe: an error of ours each, with what to do."""
    write_cut_clip(tmp_path / "cut.mp4")
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "zero.mp4").touch()
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    for name, message in {
        "cut.mp4": "not a video",
        "text.mp4": "not a video",
        "zero.mp4": "not a video",
        "empty": "holds no pictures",
        "pipe.mp4": "no camera or clip",
        "missing.mp4": "no camera or clip",
    }.items():
        with pytest.raises(CameraError, match=message) as error:
            open_camera(tmp_path / name)
        assert error.value.hint


def test_the_libraries_write_nothing_to_the_terminal(tmp_path: Path) -> None:
    """In a fresh process, as FFmpeg reads its setting once: our own error is all that is told."""
    code = "import sys\nfrom doorctl.camera.open import open_camera\n"
    code += "try:\n    open_camera(sys.argv[1])\nexcept OSError as why:\n    print(why.message)"
    for source in (str(write_cut_clip(tmp_path / "cut.mp4")), "97"):
        command = [sys.executable, "-c", code, source]
        root = Path(__file__).resolve().parents[2]
        result = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=True)
        assert len(result.stdout.splitlines()) == 1
        assert result.stderr == ""


@pytest.mark.parametrize("options", [{"rotate": 45}, {"fps": 0.0}, {"fps": float("nan")}])
def test_settings_out_of_range_are_refused(tmp_path: Path, options: dict[str, float]) -> None:
    """Before anything is opened."""
    with pytest.raises(ValueError, match="must be"):
        open_camera(tmp_path, **options)  # type: ignore[arg-type]  # options of several types


@pytest.mark.parametrize("source", ["97", 97, "/dev/video97"])
def test_an_unplugged_camera_is_told(source: str | int) -> None:
    """With what to look at."""
    with pytest.raises(CameraError, match="cannot be opened: check that it is plugged in"):
        open_camera(source)


@pytest.fixture
def silent_server() -> Iterator[int]:
    """A port that accepts and then says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_stream_that_says_nothing_is_given_up(silent_server: int) -> None:
    """Bounded in time, and the password stays out of the message."""
    began = time.monotonic()
    with pytest.raises(CameraError, match=r"rtsp://127\.0\.0\.1") as error:
        open_camera(f"rtsp://user:secret@127.0.0.1:{silent_server}/door", open_seconds=0.5)
    assert time.monotonic() - began < 5.0
    assert "secret" not in str(error.value)


def test_a_stream_that_nobody_serves_is_told() -> None:
    """A refused connection is an error at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(CameraError, match="check address"):
        open_camera(f"rtsp://127.0.0.1:{port}/door", open_seconds=5.0)


@pytest.fixture
def picamera2(monkeypatch: pytest.MonkeyPatch) -> FakePicamera2:
    fake = FakePicamera2()
    monkeypatch.setitem(sys.modules, "picamera2", fake)
    return fake


def test_the_pis_camera_is_set_up_for_bgr(picamera2: FakePicamera2) -> None:
    """Size, rate and byte order are asked for, frames come, and the camera is freed at the end."""
    with open_camera("picamera:1", width=32, height=24, fps=15.0) as camera:
        frame = next(camera)
        assert frame is not None
        assert frame.image.shape == (24, 32, 3)
    assert picamera2.did[:3] == [
        ("open", 1),
        ("configure", {"main": {"size": (32, 24), "format": "RGB888"}, "controls": {"FrameRate": 15.0}}),
        ("start", None),
    ]
    assert picamera2.did[-1] == ("close", None)


def test_a_pi_without_a_camera_or_its_library_is_told(
    picamera2: FakePicamera2, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No camera on the ribbon, and no picamera2, each with what to do."""
    picamera2.cameras = 0
    with pytest.raises(CameraError, match=r"Pi's camera 0 cannot be opened .*check its cable"):
        open_camera("picamera")
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(CameraError, match="apt install python3-picamera2"):
        open_camera("picamera")


def test_a_pis_camera_that_stops_is_a_tick(
    picamera2: FakePicamera2, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of libcamera's in mid-stream is a loss like any other."""
    caplog.set_level(logging.WARNING)
    with open_camera("picamera", timeout_seconds=0.2) as camera:
        assert next(camera) is not None
        picamera2.broken = True
        assert any(next(camera) is None for _ in range(10))
    assert len(caplog.records) == 1


def test_a_folder_without_one_readable_picture_is_an_error(tmp_path: Path) -> None:
    """A clip that shows nothing at all must not pass for one on which nobody came."""
    (tmp_path / "a.jpg").write_text("not a picture")
    with pytest.raises(CameraError, match="no picture"), open_camera(tmp_path) as camera:
        list(camera)


def test_odd_digits_in_a_name_are_letters(tmp_path: Path) -> None:
    """A superscript two is no number to sort by."""
    folder = write_folder(tmp_path / "frames", 2)
    (folder / "frame1.png").rename(folder / "frame1²1.png")
    assert len([f for f in frames(folder) if f is not None]) == 2
