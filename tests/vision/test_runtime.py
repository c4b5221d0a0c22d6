"""Nets: loaded or refused, fed as their cards say."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from doorctl.core.card import InstalledModel, ModelCard
from doorctl.errors import ModelError
from doorctl.models.install import ModelSet
from doorctl.vision.runtime import Net

CARD = ModelCard("made_up", "mesh", 192, 192, "RGB", (0.0, 0.0, 0.0), 1 / 255, "", "")


@pytest.mark.parametrize("content", [None, b"", b"not a net" * 500])
def test_a_file_that_is_no_net_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """A missing, an empty and a wrong file each give a ModelError that names the file and what to do."""
    file = tmp_path / "net.tflite"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelError, match=r"net\.tflite.*models install"):
        Net(InstalledModel(CARD, file, ""))


def test_a_truncated_net_is_refused(models: ModelSet, tmp_path: Path) -> None:
    """Half of a real file is refused when it is loaded."""
    file = tmp_path / "half.tflite"
    whole = models.mesh.path.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"half\.tflite"):
        Net(replace(models.mesh, path=file))


def test_a_card_of_another_size_is_refused(models: ModelSet) -> None:
    """A card that gives another input than the file has does not belong to it."""
    with pytest.raises(ModelError, match="its card says"):
        Net(replace(models.mesh, card=replace(models.mesh.card, width=96)))


@pytest.mark.parametrize(
    "crop", [np.zeros((10, 10, 3), np.uint8), np.zeros((192, 192, 3)), np.zeros((192, 192, 4), np.uint8)]
)
def test_a_crop_that_does_not_fit_is_refused(models: ModelSet, crop: np.ndarray) -> None:
    """A wrong size, type or number of channels is told, not fed."""
    with pytest.raises(ModelError, match="takes"):
        Net(models.mesh).prepare(crop)


def test_an_input_that_does_not_fit_is_refused(models: ModelSet) -> None:
    """The runtime's own complaint arrives as a ModelError."""
    with pytest.raises(ModelError, match="cannot be run"):
        Net(models.mesh)(np.zeros((1, 5, 5, 3), np.float32))


def test_input_follows_the_card(models: ModelSet) -> None:
    """Colour order, mean and scale are the card's: (pixel - mean) * scale, channel by channel."""
    crop = np.zeros((192, 192, 3), np.uint8)
    crop[...] = (10, 20, 30)  # blue, green, red
    crop[5, 7] = (40, 50, 60)
    card = replace(models.mesh.card, colour="RGB", mean=(1.0, 2.0, 3.0), scale=0.5)
    fed = Net(replace(models.mesh, card=card)).prepare(crop)
    assert fed.dtype == np.float32
    assert fed[0, 0, 0].tolist() == [14.5, 9.0, 3.5]
    assert fed[0, 5, 7].tolist() == [29.5, 24.0, 18.5]
    fed = Net(replace(models.mesh, card=replace(card, colour="BGR"))).prepare(crop)
    assert fed[0, 0, 0].tolist() == [4.5, 9.0, 13.5]


def test_judging_a_crop_is_preparing_and_running(models: ModelSet) -> None:
    """Written straight into the net's input, crop after crop, the outputs are bit for bit the same."""
    rng = np.random.default_rng(4)
    direct, apart = Net(models.mesh), Net(models.mesh)
    for _ in range(3):
        crop = rng.integers(0, 256, (192, 192, 3), np.uint8)
        for ours, theirs in zip(direct.judge(crop), apart(apart.prepare(crop)), strict=True):
            assert (ours == theirs).all()
    assert direct.runs == apart.runs == 3
    with pytest.raises(ModelError, match="takes"):
        direct.judge(crop[:100])


def test_outputs_stay_valid_and_runs_are_counted(models: ModelSet) -> None:
    """A second run does not change what the first one returned."""
    net = Net(models.mesh)
    first = net(np.zeros((1, 192, 192, 3), np.float32))[0]
    before = first.copy()
    net(np.ones((1, 192, 192, 3), np.float32))
    assert (first == before).all()
    assert net.runs == 2


def test_loading_is_quiet_and_loses_no_other_line(models: ModelSet) -> None:
    """The library's notes do not reach the terminal; what others write to stderr does."""
    code = (
        "import os, threading, time\n"
        "from pathlib import Path\n"
        "from doorctl.core.card import InstalledModel, ModelCard\n"
        "from doorctl.vision.runtime import Net\n"
        "def write():\n"
        "    while not done: os.write(2, b'line\\n'); lines.append(1); time.sleep(0.0005)\n"
        "done, lines = [], []\n"
        "thread = threading.Thread(target=write); thread.start()\n"
        "card = ModelCard('m', 'mesh', 192, 192, 'RGB', (0, 0, 0), 1, '', '')\n"
        f"Net(InstalledModel(card, Path({str(models.mesh.path)!r}), ''))\n"
        "done.append(1); thread.join(); print(len(lines))\n"
    )
    root = Path(__file__).resolve().parents[2]
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert ran.stderr == "line\n" * int(ran.stdout)
