"""docs/notebook.py on what is published of the golden warehouse: it runs as a script, and shows what the trades say."""

import runpy
from pathlib import Path
from typing import Any

import marimo
import pytest

from tests.conftest import ROOT
from tests.dbt_project import random_trades
from tests.dbt_project.test_queries import GAP, RANGES, SYMBOL, latest_candles, realised_volatility, same, stamp


def test_the_notebook_runs_and_shows_what_the_trades_say(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "published.duckdb").symlink_to(published)
    monkeypatch.chdir(tmp_path)
    app = runpy.run_path(str(ROOT / "docs" / "notebook.py"), run_name="__main__")["app"]

    def shown(symbol: str) -> dict[str, Any]:
        _, values = app.run(defs={"symbol": marimo.ui.dropdown([symbol], value=symbol)})
        return {name: value.to_pylist() for name, value in values.items() if hasattr(value, "to_pylist")}

    random = shown(SYMBOL)
    (latest,) = [row for row in random["latest"] if row["symbol"] == SYMBOL]
    for rows, expected in (([latest], latest_candles()), (random["volatility"], realised_volatility())):
        assert len(rows) == len(expected)
        for row, wanted in zip(rows, expected, strict=True):
            assert all(same(*pair, is_exact=False) for pair in zip(row.values(), wanted, strict=True))
    assert [(row["covered_from"], row["covered_to"]) for row in random["proven"]] == [
        (stamp(start), stamp(end)) for start, end in RANGES
    ]
    assert [(row["gap_from"], row["gap_to"], row["reason"]) for row in random["gaps"]] == [
        (*map(stamp, GAP), "ids_missing")
    ]
    hours = {row[1]: row[2:6] for row in random_trades.candles() if row[0] == "1h" and row[8] and row[-1]}
    assert random["traded"]
    for row in random["traded"]:
        assert [row[name] for name in ("open", "high", "low", "close")] == [*map(float, hours[row["bucket_start"]])]
    assert random["compared"] == []
    equal = shown("rest_equal")["compared"]
    assert equal
    assert all(row["equal_count"] == row["compared_count"] > 0 for row in equal)
