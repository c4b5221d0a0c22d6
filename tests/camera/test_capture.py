"""A live camera around devices that hang, fail, freeze and come back."""

from __future__ import annotations

import gc
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from doorctl.camera.capture import MAX_STUCK, Backlog, LiveCamera
from doorctl.core.records import Frame, Image
from doorctl.errors import CameraError

Step = Callable[[], Image]
TICK = 0.15


def picture(value: int) -> Image:
    return np.full((4, 6, 3), value, np.uint8)


class Device:
    """Plays a script: each opening takes the next list of steps, and each read the next step."""

    def __init__(self, *openings: list[Step]) -> None:
        self.openings = iter(openings)
        self.opened_at: list[float] = []
        self.closed = 0
        self.unstick = threading.Event()
        self.count = 0

    def grabber(self) -> Grab:
        return Grab(self)

    def new(self) -> Image:
        """A picture unlike the last one, a little later."""
        time.sleep(0.01)
        self.count += 1
        return picture(self.count % 256)

    def same(self) -> Image:
        time.sleep(0.01)
        return picture(77)

    def fails(self) -> Image:
        raise CameraError("the cable came off")

    def breaks(self) -> Image:
        raise RuntimeError("driver")

    def hangs(self) -> Image:
        self.unstick.wait(30.0)
        return picture(1)


class Grab:
    def __init__(self, device: Device) -> None:
        self.device = device
        self.steps: Iterator[Step] = iter(())

    def open(self) -> None:
        self.device.opened_at.append(time.monotonic())
        script = next(self.device.openings, None)
        if script is None:
            raise CameraError("no such device")
        self.steps = iter(script)

    def read(self) -> Image:
        return next(self.steps, self.device.hangs)()

    def close(self) -> None:
        self.device.closed += 1


class Told:
    def __init__(self) -> None:
        self.events: list[tuple[bool, str]] = []

    def __call__(self, lost: bool, why: str) -> None:
        self.events.append((lost, why))


def live(device: Device, told: Told | None = None, *, freeze: float = 5.0) -> LiveCamera:
    return LiveCamera(
        device.grabber,
        "door",
        timeout_seconds=TICK,
        freeze_seconds=freeze,
        open_seconds=1.0,
        on_event=told or Told(),
    )


def until(
    camera: LiveCamera, wanted: Callable[[Frame | None], bool], seconds: float = 10.0
) -> list[Frame | None]:
    """What the camera gives up to the first item that is wanted."""
    items, end = list[Frame | None](), time.monotonic() + seconds
    for item in camera:
        items.append(item)
        if wanted(item):
            return items
        assert time.monotonic() < end, "waited too long"
    raise AssertionError("the camera ended")


@pytest.fixture
def device() -> Iterator[Device]:
    device = Device()
    yield device
    device.unstick.set()


def test_the_newest_frame_wins_and_numbers_tell_what_was_dropped(device: Device) -> None:
    """A slow loop gets the latest picture, not the queue; times and numbers rise."""
    device.openings = iter([[device.new] * 500])
    with live(device) as camera:
        first = next(camera)
        time.sleep(0.3)
        second = next(camera)
        third = next(camera)
    assert first is not None
    assert second is not None
    assert third is not None
    assert second.number - first.number > 5
    assert second.image[0, 0, 0] == second.number + 1
    assert third.number > second.number
    assert third.at > second.at > first.at
    assert time.monotonic() - second.at < 1.0


def test_a_read_that_hangs_gives_ticks_and_is_told_once(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    """The loop goes on at its own pace; one loss, one return, in the log and to the caller."""
    caplog.set_level(logging.INFO)
    device.openings = iter([[device.new, device.hangs], [device.new] * 500])
    told = Told()
    with live(device, told) as camera:
        until(camera, lambda item: item is not None)
        began = time.monotonic()
        assert next(camera) is None
        assert TICK * 0.9 <= time.monotonic() - began < TICK + 0.5
        items = until(camera, lambda item: item is not None)
        assert len(items) > 2
        frames = until(camera, lambda item: item is not None and item.number > 3)
    assert all(frames)
    assert told.events == [(True, "no picture for 0.15 s"), (False, "pictures again")]
    assert [r.levelname for r in caplog.records] == ["WARNING", "INFO"]


@pytest.mark.parametrize("step", ["fails", "breaks"])
def test_a_device_that_fails_is_closed_and_opened_again(device: Device, step: str) -> None:
    """Whatever it raises: closed, and back after the first delay; numbers go on."""
    device.openings = iter([[device.new, device.new, getattr(device, step)], [device.new] * 500])
    told = Told()
    with live(device, told) as camera:
        numbers = [item.number for item in until(camera, lambda item: item is None) if item]
        back = until(camera, lambda item: item is not None)[-1]
    assert back is not None
    assert back.number == 2 > max(numbers)
    assert [lost for lost, _ in told.events] == [True, False]
    assert len(device.opened_at) == 2


@pytest.mark.parametrize("step", ["fails", "breaks"])
def test_pictures_of_a_device_that_failed_are_let_go_at_once(device: Device, step: str) -> None:
    """They do not wait for the garbage collector: a camera that comes and goes makes no door grow."""
    given: list[weakref.ref[Image]] = []

    def noted() -> Image:
        image = device.new()
        given.append(weakref.ref(image))
        return image

    device.openings = iter([[noted, noted, getattr(device, step)], [device.new] * 500])
    gc.disable()
    try:
        with live(device) as camera:
            until(camera, lambda item: item is not None and item.number >= 3)
            assert len(given) == 2
            assert [ref() for ref in given] == [None, None]
    finally:
        gc.enable()


def test_the_delay_doubles_while_the_device_is_away(device: Device, caplog: pytest.LogCaptureFixture) -> None:
    """Tried again after 0.5 s, then after another second, and told once."""
    device.openings = iter([[device.new, device.fails]])
    told = Told()
    with live(device, told) as camera:
        until(camera, lambda item: len(device.opened_at) == 3)
    first, second = np.diff(device.opened_at)
    assert first >= 0.5
    assert second >= 1.0
    assert len(told.events) == len(caplog.records) == 1


def test_a_picture_that_stands_still_is_not_handed_on_twice(device: Device) -> None:
    """A frozen picture is no evidence: one frame, then ticks, then lost; noise brings it back."""
    device.openings = iter([[device.same] * 500, [device.same] * 10 + [device.new] * 500])
    told = Told()
    with live(device, told, freeze=0.4) as camera:
        items = until(camera, lambda item: bool(told.events))
        assert [item is None for item in items] == [False, *[True] * (len(items) - 1)]
        back = until(camera, lambda item: item is not None)[-1]
    assert back is not None
    assert back.image[0, 0, 0] == 1
    assert told.events == [(True, "the same picture for 0.4 s"), (False, "pictures again")]


def test_a_device_that_hangs_for_ever_ends_the_iteration(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads are not abandoned without end: after a few, only a new process helps."""
    monkeypatch.setattr("doorctl.camera.capture.FIRST_DELAY", 0.01)
    device.openings = iter([[device.new, device.hangs]] * 50)
    before = threading.active_count()
    camera = live(device)
    with pytest.raises(CameraError, match="hangs and cannot be opened again"):
        until(camera, lambda item: False, 5.0)
    camera.close()
    assert len(device.opened_at) == MAX_STUCK + 1
    assert threading.active_count() - before <= MAX_STUCK + 1


def test_an_abandoned_thread_that_wakes_closes_its_device(device: Device) -> None:
    """A hung read that returns at last frees the device and hands on nothing."""
    device.openings = iter([[device.new, device.hangs], [device.new] * 500])
    with live(device) as camera:
        until(camera, lambda item: item is None)
        assert device.closed == 0
        device.unstick.set()
        time.sleep(0.1)
        assert device.closed == 1
        until(camera, lambda item: item is not None)


def test_close_does_not_wait_for_a_device_that_hangs(device: Device) -> None:
    """Stopping is bounded, and a closed camera has no more frames."""
    device.openings = iter([[device.new, device.hangs]])
    camera = live(device)
    next(camera)
    began = time.monotonic()
    camera.close()
    camera.close()
    assert time.monotonic() - began < 1.5
    assert list(camera) == []


def test_a_device_that_cannot_be_opened_is_an_error_at_once(device: Device) -> None:
    """No camera at the start is a mistake to be told, not a tick."""
    with pytest.raises(CameraError, match="no such device"):
        live(device)


def test_a_device_that_does_not_finish_opening_is_an_error(device: Device) -> None:
    """Opening has its own limit."""

    class Slow(Grab):
        def open(self) -> None:
            device.unstick.wait(30.0)

    with pytest.raises(CameraError, match=r"did not open within 0\.2 s"):
        LiveCamera(lambda: Slow(device), "door", open_seconds=0.2)


def test_frames_are_turned(device: Device) -> None:
    """A camera that hangs on its side gives upright pictures."""
    device.openings = iter([[device.new] * 50])
    with LiveCamera(device.grabber, "door", rotate=90) as camera:
        frame = next(camera)
    assert frame is not None
    assert frame.image.shape == (6, 4, 3)


def test_pictures_that_waited_in_a_buffer_are_not_handed_on(device: Device) -> None:
    """After a stall the buffered pictures come at once; they are of the past, and only what a read has to
    wait for is of now."""

    def stalls() -> Image:
        time.sleep(0.6)
        return picture(200)

    def buffered(value: int) -> Step:
        return lambda: picture(value)

    backlog = [stalls, *(buffered(201 + i) for i in range(10))]
    device.openings = iter([[device.new] * 3 + backlog + [device.new] * 300])
    seen = set()
    with LiveCamera(device.grabber, "door", timeout_seconds=2.0) as camera:
        for frame in camera:
            if frame is not None:
                seen.add(int(frame.image[0, 0, 0]))
            if device.count >= 60:
                break
    assert seen & set(range(200, 211)) == set()
    assert max(seen) > 10


def held(reads: list[float]) -> list[bool]:
    """Which pictures a backlog holds back, from how long each read took."""
    backlog, now, answers = Backlog(), 0.0, []
    for took in reads:
        now += took
        answers.append(backlog.holds(took, now))
    return answers


def test_decoding_a_buffered_picture_is_not_waiting_for_a_new_one() -> None:
    """30 fps, a stall of 1.5 s, then a buffer that takes 12 ms to decode a picture: all of it is held."""
    assert (
        held([1 / 30] * 20 + [1.5] + [0.012] * 29 + [1 / 30] * 3) == [False] * 20 + [True] * 30 + [False] * 3
    )


@pytest.mark.parametrize("period", [0.5, 1.0, 2.0])
def test_a_slow_camera_is_no_stalled_one(period: float) -> None:
    """Two, one or half a frame a second: every picture counts."""
    assert not any(held([period] * 50))


def test_a_device_that_never_waits_again_is_believed_after_a_while() -> None:
    """Reads that all come at once for longer than any buffer lasts: pictures are handed on again."""
    answers = held([1 / 30] * 20 + [1.5] + [0.001] * 4000)
    assert answers[21] is True
    assert answers[-1] is False


def test_the_loop_turns_while_a_camera_is_silent() -> None:
    """With tick_seconds it goes on without a picture long before the camera counts as lost: the door's wires
    are not to wait for a camera that hangs."""
    device, told = Device([]), Told()
    device.openings = iter([[device.new]])
    with LiveCamera(
        device.grabber, "door", timeout_seconds=1.0, tick_seconds=0.05, clock=time.monotonic, on_event=told
    ) as camera:
        assert next(camera) is not None
        turns = [next(camera) for _ in range(5)]
        assert turns == [None] * 5
        assert told.events == []
        until = time.monotonic() + 5.0
        while not told.events and time.monotonic() < until:
            next(camera)
        assert [lost for lost, _ in told.events] == [True]
    device.unstick.set()
