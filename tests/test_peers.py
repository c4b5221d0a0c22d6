"""The comparison with other ways: the same nets, and a chart that does not flatter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from doorctl.bench.timing import Figure
from doorctl.core.card import InstalledModel
from doorctl.models.install import load
from doorctl.vision.runtime import Net
from scripts.onnx_graph import Converter
from scripts.peers import BAR, chart


def nets(directory: Path) -> list[InstalledModel]:
    models = load(directory)
    return [models.detector, models.mesh, models.embedder, *models.antispoof]


def test_onnx_runtime_is_given_the_same_nets(models_dir: Path) -> None:
    """Rewritten as ONNX, each net gives LiteRT's numbers within the noise of float32."""
    rng = np.random.default_rng(1)
    for model in nets(models_dir):
        crop = rng.integers(0, 256, (model.card.height, model.card.width, 3), np.uint8)
        net = Net(model)
        fed = net.prepare(crop)
        content = Converter(model.path.read_bytes()).convert()
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        pixels = np.ascontiguousarray(fed.transpose(0, 3, 1, 2))
        for ours, theirs in zip(
            net(fed), session.run(None, {session.get_inputs()[0].name: pixels}), strict=True
        ):
            scale = float(np.abs(ours).max())
            assert theirs.ravel() == pytest.approx(ours.ravel(), abs=1e-5 * max(1, scale)), model.card.name


def test_bars_are_as_long_as_the_times() -> None:
    """The longest bar takes the whole width, one of a quarter takes a quarter."""
    bars = [line.count("█") for line in chart({f"{t}": Figure(t, t, t, 1) for t in (10.0, 20.0, 40.0, 5.0)})]
    assert bars == [BAR // 4, BAR // 2, BAR, BAR // 8]
