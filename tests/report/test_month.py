"""A simulated month has all that a report must tell, and the page of it is well formed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from doorctl.core.decision import EventKind
from doorctl.report.explain import Explainer
from doorctl.store.database import Store
from doorctl.store.history import History
from tests.report.test_page import read


@pytest.mark.slow
def test_a_simulated_month(tmp_path: Path) -> None:
    """``scripts/prove month``: every reason is in it, and each refusal is explained by its rules."""
    out, data = tmp_path / "report.html", tmp_path / "data"
    command = [sys.executable, "-m", "scripts.proofs.month", "--out", str(out), "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seed " in done.stdout
    assert "Disputed decisions" in read(out.read_text()).text
    with Store(data) as store:
        history = History(store)
        explainer = Explainer(history, {})
        refusals = [event.id for event in history.onwards(kinds=[EventKind.ACCESS_DENIED])]
        for number in refusals:
            assert explainer.explain(number).facts["rules_known"]
