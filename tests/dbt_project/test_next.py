"""Each command ends with what can be done next, for what just came out of it; in nothing that a machine reads."""

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlt_pipeline.cli.build import BuildEnd, Publishing, tell_end
from dlt_pipeline.cli.console import Console
from dlt_pipeline.warehouse.database import warehouse_path
from dlt_pipeline.warehouse.dbt import BuildResult, Finding
from tests.dbt_project.dbt_run import Built

# In this order, in one folder; from the files in `cut` candles are taken away.
STEPS = (
    ("list", "show SYMBOL TIMEFRAME", "summary"),
    ("summary", "show SYMBOL 1h", "report"),
    ("show open_bucket 1m", "report --symbols open_bucket"),
    ("show hole_splits 1m", "repair hole_splits --dry-run"),
    ("repair hole_splits --dry-run", "repair hole_splits"),
    ("repair open_bucket", "summary"),
    ("export candles random --timeframes 1m --format csv --output files", "compare files"),
    ("compare files", "report"),
    ("compare cut", "compare cut --page differences.html", "export candles random --timeframes 1m"),
    ("compare cut --page page.html", "export candles random --timeframes 1m --format csv --output proven"),
    ("jobs list", "rebuild --help"),
    ("jobs run", "rebuild --help", "jobs add --help"),
    ("jobs add trade_load BTC/USD --start 2026-11-01", "jobs run"),
    ("jobs list", "jobs run", "jobs show 1"),
    ("jobs show 1", "jobs run"),
    ("jobs cancel 1", "jobs list"),
    ("jobs list", "jobs show 1"),
    ("jobs show 1", "jobs retry 1"),
    ("jobs list --status failed", "jobs list"),
    ("jobs retry 1", "jobs run"),
)
SILENT = ("list --json", "summary --json", "show open_bucket 1m --json", "jobs list --json", "compare files --json")


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ({}, "`kraken-candles summary`, `kraken-candles report`"),
        ({"publishing": Publishing(is_fine=False)}, "`kraken-candles status`"),
        ({"is_green": False, "errors": ("a model",)}, "`kraken-candles status`"),
        ({"is_green": False, "red": (Finding("a_check", 1, ""),)}, "`kraken-candles repair --dry-run`"),
        ({"target": "duckdb_lake"}, "`KRAKEN_CANDLES_WAREHOUSE=lake.duckdb kraken-candles summary`"),
        ({"target": "spark"}, ""),
    ],
)
def test_a_build_s_end_names_it_too(end: dict[str, Any], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    about = {name: end.pop(name) for name in ("is_green", "errors", "red") if name in end}
    result = BuildResult(**{"is_green": True, "errors": (), "red": (), "log": Path("dbt.log"), **about})
    tell_end(Console(), BuildEnd(Path("warehouse.duckdb"), result, 1.0, **end))
    assert expected in capsys.readouterr().out.partition("Next: ")[2]


def test_each_end_names_what_comes_next(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[..., tuple[int, str]]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(built.warehouse, warehouse_path())
    for typed, *expected in STEPS:
        if "compare cut" in typed and not Path("cut").exists():
            shutil.copytree("files", "cut")
            (file,) = Path("cut").glob("*.csv")
            lines = file.read_text().splitlines(keepends=True)
            file.write_text("".join(lines[:3] + lines[300:]))
        text = command(*shlex.split(typed))[1]
        assert "Next: " in text, (typed, text)
        last = text[text.rindex("Next: ") :]
        assert all(f"`kraken-candles {each}" in last for each in expected), (typed, text)
        assert last.count("`kraken-candles ") == len(expected), (typed, text)
    for typed in SILENT:
        text = command(*shlex.split(typed))[1]
        assert "Next: " not in text
        json.loads(text)
