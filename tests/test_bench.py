"""The page of figures says what was measured last."""

import json
import sys
from typing import Any

import pytest

from tests.conftest import ROOT


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    import run

    yield run
    for name in ("run", "ratios"):
        sys.modules.pop(name, None)


def test_the_page_is_what_was_measured(run: Any) -> None:
    measured = json.loads((ROOT / "bench" / "figures.json").read_text())
    assert measured.keys() <= run.BENCHES.keys()
    assert run.page_of(measured) == (ROOT / "docs" / "benchmarks.md").read_text()


def test_a_figure_keeps_its_bound_or_not(run: Any) -> None:
    kept = [
        run.Figure("x", value, bound).keeps for value in (1.4, 1.5, 1.6) for bound in ("at least 1.5", "at most 1.5")
    ]
    assert kept == [False, True, True, True, True, False]
    assert run.Figure("x", 1.0).keeps is None
