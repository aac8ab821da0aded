"""A tolerance, or a name of accepted lines, that is not allowed ends dbt while it parses, with the variable's name."""

from pathlib import Path
from typing import Any

import pytest

from tests.dbt_project.dbt_in_process import ROOT

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
