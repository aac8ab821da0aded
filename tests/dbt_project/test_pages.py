"""What pages say of published.duckdb runs on the golden warehouse's: ready queries, the quickstart, dashboards."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
import yaml

from tests.dbt_project import random_trades
from tests.dbt_project.test_queries import FOLDER, QUERIES, SYMBOL, latest_candles, same
from tests.pages import blocks, page

HOURS = [row for row in random_trades.candles() if row[0] == "1h" and row[-1]]  # the closed ones


def test_the_lines_of_the_page_run_a_query(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "published.duckdb").symlink_to(published)
    (tmp_path / "queries").symlink_to(FOLDER)
    monkeypatch.chdir(tmp_path)
    (code,) = [block for block in blocks("python") if "queries/" in block]
    scope: dict[str, Any] = {}
    exec(code, scope)
    (row,) = [row for row in scope["latest"] if row[0] == SYMBOL]
    assert all(same(*pair, False) for pair in zip(row, latest_candles()[0], strict=True))


def test_the_page_lists_every_query() -> None:
    assert sorted(set(re.findall(r"queries/(\w+)\.sql\)", page("queries.md")))) == QUERIES


def test_the_quickstart_reads_the_hours(published: Path) -> None:
    (code,) = [block for block in blocks("python") if "hours = " in block]
    scope: dict[str, Any] = {}
    exec(code.replace("published.duckdb", str(published)).replace("BTC/USD", SYMBOL), scope)
    assert [*scope["candles"].trade_count] == [row[9] for row in HOURS]


def test_the_streamlit_app_shows_the_hours(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for streamlit, which is no part of the tests: what would be drawn is what there is."""
    shown: list[Any] = []
    calls = {"line_chart": lambda _frame, **axes: shown.append(axes), "dataframe": shown.append}
    stand_in = SimpleNamespace(cache_data=lambda each, **_: each, selectbox=lambda _label, _names: SYMBOL, **calls)
    monkeypatch.setitem(sys.modules, "streamlit", stand_in)
    (code,) = [block for block in blocks("python") if "import streamlit" in block]
    exec(code.replace("published.duckdb", str(published)), {})
    assert shown[0] == {"x": "bucket_start", "y": "close"}
    assert [*shown[1].trade_count] == [row[9] for row in HOURS]


def test_dashboards_find_the_hours(published: Path, tmp_path: Path) -> None:
    """The files of the page by what their tools do with them; each opens several connections."""
    files = {block.splitlines()[0]: yaml.safe_load(block) for block in blocks("yaml") if "duckdb\n" in block}
    rill, hours, evidence = (
        files[f"# {name}"]
        for name in ("connectors/duckdb.yaml", "models/hours.yaml", "sources/candles/connection.yaml")
    )
    counted = f"select count(*) from ({{}}) where symbol = '{SYMBOL}'"
    with duckdb.connect() as first:
        first.execute("set TimeZone = 'America/New_York'")
        first.execute(rill["init_sql"].replace("/srv/candles/published.duckdb", str(published)))
        assert first.cursor().execute(counted.format(hours["sql"])).fetchall() == [(len(HOURS),)]
    (tmp_path / evidence["options"]["filename"]).symlink_to(published)
    (setting,) = re.findall(r"initialize.sql` holds `(.*?)`", page("dashboards.md"))
    with duckdb.connect(str(tmp_path / evidence["options"]["filename"]), read_only=True) as first:
        first.execute(setting)
        query = hours["sql"].replace("published.", "")
        assert first.cursor().execute(counted.format(query)).fetchall() == [(len(HOURS),)]
