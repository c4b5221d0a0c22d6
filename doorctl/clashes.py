"""Settings that are right one by one and cannot hold together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from doorctl.yaml_lines import KeyPath

if TYPE_CHECKING:
    from doorctl.sections import Config


def clashes_of(config: Config) -> Iterator[tuple[tuple[KeyPath, ...], str]]:
    """Keys that are right one by one and cannot hold together: (keys, what is wrong)."""
    door, camera, match, lockout = config.door, config.camera, config.match, config.lockout
    for key, frames in (
        ("confirm_frames", door.confirm_frames),
        ("lookalike_frames", door.lookalike_frames),
    ):
        if frames is not None and not config.in_time(frames):
            told = (
                f"{frames} frames at camera.fps {camera.fps} take {(frames - 1) / camera.fps:.2f} s, "
                "so the door would never open, expected less than door.confirm_seconds "
                f"({door.confirm_seconds:g})"
            )
            yield (("door", key), ("door", "confirm_seconds"), ("camera", "fps")), told
    if door.lookalike_frames is not None and door.lookalike_frames < door.confirm_frames:
        told = f"{door.lookalike_frames}, expected at least door.confirm_frames ({door.confirm_frames})"
        yield (("door", "lookalike_frames"), ("door", "confirm_frames")), told
    for key, seconds in (("face_seconds", lockout.face_seconds), ("door_seconds", lockout.door_seconds)):
        if seconds > 60 * lockout.longest_minutes:
            told = f"{seconds:g}, expected at most lockout.longest_minutes ({lockout.longest_minutes:g})"
            yield (("lockout", key), ("lockout", "longest_minutes")), told
    if match.lookalike_margin is not None and match.lookalike_margin < (match.margin or 0):
        told = f"{match.lookalike_margin:g}, expected at least match.margin ({match.margin:g})"
        yield (("match", "lookalike_margin"), ("match", "margin")), told
    if config.liveness.mode == "off" and not config.liveness.i_understand_photos_open_this_door:
        told = (
            '"off", but then whoever holds up a photo of an enrolled person opens this door: say that '
            "you know with liveness.i_understand_photos_open_this_door: true"
        )
        yield (("liveness", "mode"), ("liveness", "i_understand_photos_open_this_door")), told
    nets_judge = config.liveness.mode in ("passive", "adaptive")
    enough = door.confirm_seconds >= 0.6 and config.in_time(5)
    if nets_judge and not enough and config.in_time(door.confirm_frames):
        told = (
            f"{door.confirm_seconds:g}, but liveness is judged on 5 frames over 0.4 s: expected at least "
            f"0.6, and time for 5 frames at camera.fps {camera.fps}"
        )
        yield (("door", "confirm_seconds"), ("camera", "fps"), ("liveness", "mode")), told
    dark, bright = config.quality.min_brightness, config.quality.max_brightness
    if dark >= bright:
        told = f"{dark:g}, expected less than quality.max_brightness ({bright:g})"
        yield (("quality", "min_brightness"), ("quality", "max_brightness")), told
    if camera.loop and camera.live:
        told = "true, expected false, since camera.source is no recording"
        yield (("camera", "loop"), ("camera", "source")), told
    if config.photos.source == "dropbox" and not config.photos.app_key:
        told = (
            '"dropbox", but photos.app_key is empty: make an app at '
            "https://www.dropbox.com/developers/apps and put its key there"
        )
        yield (("photos", "source"), ("photos", "app_key")), told
    taken: dict[int, KeyPath] = {config.gpio.relay_pin: ("gpio", "relay_pin")}
    for section, pins in (("indicator", config.indicator.pins), ("inputs", config.inputs.pins)):
        for name, pin in pins.items():
            other = taken.setdefault(pin, (section, name))
            if other != (section, name):
                told = f"{pin}, expected another pin than that of {'.'.join(other)}"
                yield ((section, name), other), told
    if door.pre_alarm_seconds > door.too_long_seconds:
        told = (
            f"{door.pre_alarm_seconds:g}, expected at most door.too_long_seconds ({door.too_long_seconds:g})"
        )
        yield (("door", "pre_alarm_seconds"), ("door", "too_long_seconds")), told
