"""A tolerance, or a name of accepted lines, that is not allowed ends dbt while it parses, with the variable's name.

What DuckDB may use reaches it by profiles.yml, and where it does not do, a sentence says what to set.
"""

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.warehouse.database import connect
from dlt_pipeline.warehouse.errors import explain, told_overflow
from dlt_pipeline.warehouse.pipeline import make_pipeline
from tests.conftest import Place
from tests.dbt_project.dbt_in_process import ROOT, compile_inline
from tests.parsed_project import KEPT

USED = "select current_setting('memory_limit'), current_setting('threads')"

BAD = [
    ("kraken_candles_accepted_gaps", "my gaps.csv", "is 'my gaps.csv'; it must be the name of a seed or a model."),
]
MORE = [  # test_variables.py shows the like without a parse
    ("kraken_candles_tolerance_base_volume", "0.0000000000001", "it must be a number from 0, with 12 decimals at the"),
    ("kraken_candles_tolerance_price", "-1", "is -1; it must be a number from 0, with 12 decimals at the most."),
    ("kraken_candles_tolerance_price", "ten", "is ten; it must be a number from 0, with 12 decimals at the most."),
    ("kraken_candles_tolerance_trade_count", "true", "it must be a number from 0, with 12 decimals at the most."),
    ("kraken_candles_vwap_steps", "0.5", "is 0.5; it must be a whole number from 1."),
]


@pytest.mark.parametrize(
    ("name", "value", "sentence"), [*BAD, *(pytest.param(*case, marks=pytest.mark.long) for case in MORE)]
)
def test_a_bad_value_is_refused(tmp_path: Path, name: str, value: str, sentence: str) -> None:
    from dbt.cli.main import dbtRunner

    options = ["--project-dir", str(ROOT / "dbt_project"), "--profiles-dir", str(ROOT), "--target-path", str(tmp_path)]
    logs: list[Any] = ["--quiet", "--log-path", str(tmp_path), "--log-level-file", "none"]
    done = dbtRunner().invoke([*logs, "parse", *options, "--vars", f"{{{name}: {value}}}"])
    said = " ".join(str(done.exception).split())
    assert not done.success
    assert f"The variable {name} " in said
    assert sentence in said


def test_a_build_before_the_first_load_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command says so itself; this is plain dbt's own build."""
    monkeypatch.chdir(tmp_path)
    from dlt_pipeline.common.exceptions import WarehouseError
    from dlt_pipeline.warehouse.dbt import run_dbt

    with pytest.raises(WarehouseError, match=r"There is no table kraken_raw\.trades yet: load first, with `kraken-"):
        run_dbt(tmp_path / "warehouse.duckdb", "build", flags=["--quiet"])


def test_dbt_loads_and_queries_keep_to_the_memory_and_the_threads_that_are_set(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRAKEN_CANDLES_MEMORY", "384 MiB")
    monkeypatch.setenv("KRAKEN_CANDLES_CORES", "3")
    monkeypatch.setenv("KRAKEN_CANDLES_WAREHOUSE", str(place.warehouse))
    with connect() as connection:
        assert connection.execute(USED).fetchall() == [("384.0 MiB", 3)]
    with make_pipeline(place.warehouse).sql_client() as client:
        assert client.execute_sql(USED) == [("384.0 MiB", 3)]
    asked = f"{{% if execute %}}{{{{ run_query({USED!r}).rows[0] | join(' ') }}}}{{% endif %}}"
    assert compile_inline(KEPT[0].manifest, place.warehouse.parent / "target", asked, {})[0] == "384.0 MiB 3"


def test_memory_that_does_not_do_is_told_with_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRAKEN_CANDLES_MEMORY", "8MB")
    with connect() as connection, pytest.raises(duckdb.OutOfMemoryException) as failed:
        connection.execute("select list(range) from range(10_000_000)")
    assert "DuckDB's memory of 8MB does not do; give it more by KRAKEN_CANDLES_MEMORY, as 8GB, or fewer threads" in str(
        explain(failed.value, Path("warehouse.duckdb"))
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [*(("MEMORY", value) for value in ("4", "0GB", "101%", "4GB; x")), ("CORES", "0"), ("CORES", "two")],
)
def test_memory_and_threads_that_cannot_be_are_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"KRAKEN_CANDLES_{name}", value)
    with pytest.raises(BadInputError, match=f"KRAKEN_CANDLES_{name} is '{value}'; it must be"):
        connect()


def test_a_product_that_does_not_fit_is_told_with_the_way_to_its_trades(tmp_path: Path) -> None:
    """What a load takes fits; of what came before, or by other ways, the build says so."""
    with connect() as connection:
        with pytest.raises(duckdb.OutOfRangeException) as error:
            connection.sql("select 100000000::decimal(38, 12) * 10000000::decimal(38, 12)").fetchall()
        query = re.search("`(select .+?)`", told_overflow(str(error.value)) or "")
        connection.execute("create schema kraken_raw")
        columns = "1 as trade_id, current_timestamp as traded_at, 1.5 as price, 2 as volume"
        connection.execute(f"create table kraken_raw.trades as select 'X' as symbol, {columns}")
        assert query
        assert len(connection.execute(query[1]).fetchall()) == 1
    assert told_overflow("Out of Memory Error") is None
