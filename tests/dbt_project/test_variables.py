"""A variable that cannot be is refused before anything is built, by its name and with what is allowed."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.warehouse.dbt import check_variables
from tests.conftest import ROOT, Place
from tests.dbt_project import raw
from tests.dbt_project.conftest import GOLDEN
from tests.dbt_project.dbt_in_process import LATE, compile_inline
from tests.pages import blocks
from tests.parsed_project import KEPT

POLICY = "kraken_candles_empty_bucket_policy"
OVERRIDES = "kraken_candles_empty_bucket_overrides"
BARS = "kraken_candles_bars"
TIMEFRAMES = "kraken_candles_timeframes"
MINUTE = {"name": "1m", "seconds": 60}
WRONG = {
    "an unknown policy": (POLICY, "zero", "allowed are null, carry_forward and omit"),
    "a policy that is a list": (POLICY, ["omit"], "allowed are null, carry_forward and omit"),
    "timeframes that are a word": (TIMEFRAMES, "1m", "it must be a list of {name, seconds, offset_seconds}"),
    "no timeframe": (TIMEFRAMES, [], "it must be a list of {name, seconds, offset_seconds}"),
    "a timeframe without seconds": (
        TIMEFRAMES,
        [{"name": "1m"}],
        "each needs a name (text) and seconds (a whole number)",
    ),
    "a timeframe that is a word": (TIMEFRAMES, ["1m"], "each needs a name (text) and seconds (a whole number)"),
    "an unknown key": (TIMEFRAMES, [MINUTE | {"offset": 1}], "known are name, seconds and offset_seconds"),
    "a name that is no folder": (TIMEFRAMES, [MINUTE | {"name": "1/m"}], "a name has letters, digits and _ only"),
    "a name twice": (TIMEFRAMES, [MINUTE, {"name": "1m", "seconds": 120}], "each name stands once"),
    "a name twice in capitals": (TIMEFRAMES, [MINUTE, {"name": "1M", "seconds": 86400}], "each name stands once"),
    "one grid twice": (TIMEFRAMES, [MINUTE, {"name": "60s", "seconds": 60}], "one of them is enough"),
    "seven minutes": (
        TIMEFRAMES,
        [{"name": "7m", "seconds": 420}],
        "seconds must divide a day (86400) or be whole days",
    ),
    "no seconds": (TIMEFRAMES, [{"name": "0m", "seconds": 0}], "allowed are 1 to 31622400"),
    "an offset as long as the timeframe": (
        TIMEFRAMES,
        [MINUTE | {"offset_seconds": 60}],
        "from 0 and below its seconds, 60",
    ),
    "a negative offset": (TIMEFRAMES, [MINUTE | {"offset_seconds": -1}], "from 0 and below its seconds, 60"),
    "a week of nothing": (TIMEFRAMES, [{"name": "1w", "seconds": 604800}], "add one whose seconds divide 604800 and 0"),
    "bars that are a word": (
        BARS,
        "ticks",
        "it must be a list of {name, trades | base_volume | quote_volume, symbols}",
    ),
    "a bar of two sizes": (BARS, [{"name": "b", "trades": 1, "base_volume": 1}], "one of trades, base_volume"),
    "a bar of no size": (BARS, [{"name": "b", "base_volume": "0.0"}], "it must be a number above 0"),
    "a bar of next to no size": (BARS, [{"name": "b", "quote_volume": "0.00001"}], "it must be 0.0001 or more"),
    "a bar of half a trade": (BARS, [{"name": "b", "trades": 0.5}], "it must be a whole number from 1"),
    "a bar of a symbol that is no list": (
        BARS,
        [{"name": "b", "trades": 5, "symbols": "X"}],
        "a list such as [BTC/USD]",
    ),
    "a bar with an unknown key": (BARS, [{"name": "b", "trades": 5, "symbol": "X"}], "known are name, trades"),
    "a bar twice": (BARS, [{"name": "b", "trades": 5}, {"name": "B", "trades": 6}], "each name stands once"),
    "overrides that are a word": (OVERRIDES, "omit", "it must be a list of {symbol, timeframe, policy}"),
    "an override of nothing": (OVERRIDES, [{"policy": "omit"}], "each needs policy and a symbol, a timeframe or both"),
    "an override with an unknown key": (OVERRIDES, [{"symbol": "X", "rule": "omit"}], "each needs policy and a symbol"),
    "an override of an unknown timeframe": (
        OVERRIDES,
        [{"timeframe": "2m", "policy": "omit"}],
        "known are 1m, 5m, 15m",
    ),
    "an override with an unknown policy": (
        OVERRIDES,
        [{"symbol": "X", "policy": "zero"}],
        "allowed are null, carry_forward",
    ),
    "a symbol that is no text": (OVERRIDES, [{"symbol": 5, "policy": "omit"}], "each needs policy and a symbol"),
    "a tolerance that is a word": ("kraken_candles_tolerance_price", "some", "it must be a number from 0"),
    "a tolerance below 0": ("kraken_candles_tolerance_base_volume", -1, "it must be a number from 0"),
    "a tolerance of files that is too fine": (
        "kraken_candles_tolerance_archive_volume_relative",
        1e-13,
        "12 decimals at the most",
    ),
    "steps that are a list": ("kraken_candles_vwap_steps", [1], "it must be a whole number from 1"),
    "a kind of numbers that is none": ("kraken_candles_export_numbers", "text", "decimal"),
    "two overrides of the same": (OVERRIDES, [{"symbol": "X", "policy": "omit"}] * 2, "one of them must go"),
}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("variables")


def parse(target: Path, variables: dict[str, Any]) -> tuple[Any, str]:
    """The project as `dbt parse` made it with the variables, None if it refused them, and what it said in one line."""
    from dbt.cli.main import dbtRunner

    command = ["--quiet", "parse", "--project-dir", str(ROOT / "dbt_project"), "--profiles-dir", str(ROOT)]
    command += ["--vars", json.dumps(variables), "--target-path", str(target), "--log-path", str(target)]
    result = dbtRunner().invoke(command)
    return result.result if result.success else None, " ".join(str(result.exception).split())


# What checks the variables; a parse asks them, too, but takes 4 s longer.
CHECKS = " ".join(
    f"{{{{ kraken_candles.{check} }}}}"
    for check in (
        "timeframe_plan()",
        "bar_plan()",
        "empty_bucket_policy()",
        "vwap_steps()",
        "export_numbers()",
        *(f"tolerance('kraken_candles_tolerance_{of}')" for of in ("price", "base_volume", "archive_volume_relative")),
    )
)


@pytest.fixture(scope="module")
def manifest(parsed_project: Callable[[Path], Path]) -> Any:
    return KEPT[0].manifest


def check(manifest: Any, target: Path, variables: dict[str, Any], checks: str = CHECKS) -> tuple[bool, str]:
    """Whether the checks took the variables, and what they said in one line."""
    sql, said = compile_inline(manifest, target, checks, variables)
    return sql is not None, said


def test_the_checks_take_what_can_be(manifest: Any, target: Path) -> None:
    assert check(manifest, target, {POLICY: "omit", TIMEFRAMES: [MINUTE]})[0]


def test_the_bars_of_the_pages_are_taken(manifest: Any, target: Path) -> None:
    (block,) = [block for block in blocks("yaml") if "kraken_candles_bars:" in block]
    assert check(manifest, target, yaml.safe_load(block)["vars"]["kraken_candles"]) == (True, "None")


# What another case shows already, by another value.
VARIANTS = {
    "a policy that is a list",
    "no timeframe",
    "a timeframe that is a word",
    "a bar of half a trade",
    "a bar of a symbol that is no list",
    "a bar with an unknown key",
    "a bar twice",
    "a name twice in capitals",
    "a negative offset",
    "an override with an unknown key",
    "an override with an unknown policy",
    "a symbol that is no text",
    "a tolerance below 0",
}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.long if case in VARIANTS else ()) for case in WRONG]
)
def test_a_wrong_variable_is_refused_by_its_name(manifest: Any, target: Path, case: str) -> None:
    name, value, allowed = WRONG[case]
    success, said = check(manifest, target, {name: value})
    assert not success
    assert f"The variable {name} " in said
    assert allowed in said


def test_hours_that_are_no_number_are_refused(target: Path) -> None:
    parsed, said = parse(target, {"kraken_candles_warn_after_hours": "soon"})
    assert parsed is None
    assert "var('kraken_candles_warn_after_hours')" in said
    assert "Could not convert value 'soon' into type 'number'" in said


def test_what_was_parsed_before_does_not_hide_a_wrong_variable(manifest: Any, target: Path) -> None:
    """And what a run asks for changes nothing of the parsed project, so the tests parse it once for all of these."""
    given = dict.fromkeys(LATE, 2)
    given |= {TIMEFRAMES: [MINUTE], POLICY: "omit", OVERRIDES: [{"symbol": "X", "policy": "omit"}]}
    given |= {"kraken_candles_export_numbers": "decimal", BARS: [{"name": "ticks_20", "trades": 20}]}
    parsed, said = parse(target, given)
    assert said == "None"
    assert shown(parsed) == shown(manifest)
    assert parse(target, {POLICY: "zero"})[0] is None
    assert check(manifest, target, {POLICY: None})[0], "null without quotes"


def shown(manifest: Any) -> dict[str, dict[str, Any]]:
    """All nodes and sources, without when they were parsed, how often they name a model and by which macros."""
    every = {**manifest.nodes, **manifest.sources}
    made_of = {name: set(parents) for name, parents in manifest.parent_map.items()}
    besides = {"created_at": 0, "refs": [], "depends_on": {}}
    return {name: {**node.to_dict(), **besides, "made_of": made_of[name]} for name, node in every.items()}


def test_every_variable_is_named_after_the_package() -> None:
    project = yaml.safe_load((ROOT / "dbt_project" / "dbt_project.yml").read_text())
    named = set(project["vars"]["kraken_candles"])
    used: set[str] = set()
    for file in (ROOT / "dbt_project").rglob("*.*"):
        if file.suffix in {".sql", ".yml"} and "target" not in file.parts:
            used |= set(re.findall(r"\bvar\('(\w+)'", file.read_text()))
    assert {name for name in named | used if not name.startswith("kraken_candles_")} == set()
    assert used <= named


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ({"kraken_candles_timeframe": [MINUTE]}, TIMEFRAMES),
        ({"kraken_candle_timeframes": [MINUTE]}, TIMEFRAMES),
        ({"kraken_candles_tolerance_volume": 1}, "kraken_candles_tolerance_base_volume"),
        ({TIMEFRAMES: [MINUTE], "somebody_elses": 1}, None),
    ],
)
@pytest.mark.parametrize("is_joined", [True, False])
def test_a_misspelt_variable_is_refused_with_the_nearest_name(
    given: dict[str, Any], nearest: str | None, is_joined: bool
) -> None:
    arguments = [f"--vars={json.dumps(given)}"] if is_joined else ["--vars", json.dumps(given)]
    if nearest is None:
        check_variables(arguments)
        return
    with pytest.raises(BadInputError, match=f"is unknown; the nearest known one is {nearest}\\."):
        check_variables(arguments)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("kraken_candle_timeframes", TIMEFRAMES),
        ("kraken_candles_tolerance_volume", "kraken_candles_tolerance_base_volume"),
        ("somebody_elses", None),
    ],
)
def test_plain_dbt_refuses_it_too(manifest: Any, target: Path, name: str, nearest: str | None) -> None:
    """When a run begins: see on-run-start."""
    success, said = check(manifest, target, {name: 1}, "{{ kraken_candles.refuse_unknown_variables() }} select 1")
    assert success == (nearest is None)
    assert nearest is None or f"The variable {name} is unknown; the nearest known one is {nearest}." in said


@pytest.mark.parametrize(
    "case",
    ["an unknown policy", *(pytest.param(name, marks=pytest.mark.long) for name in ("a name twice", "seven minutes"))],
)
def test_the_build_command_says_it_in_a_sentence(
    place: Place, command: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.chdir(place.folder)
    name, value, allowed = WRONG[case]
    with raw.create(place.warehouse) as connection:
        raw.insert_rule(connection, GOLDEN / "green" / "ties")
    code, said = command("build", "--vars", json.dumps({name: value}))
    assert code == 2
    assert f" Error: The variable {name} " in said
    assert said.count("Error") == 1
    assert allowed in said


def test_a_vwap_out_of_all_proportion_differs_and_ends_no_build(manifest: Any, target: Path) -> None:
    """Its product with our volume does not fit a decimal; one that is nearly right is compared exactly."""
    verdict, said = compile_inline(manifest, target, "{{ kraken_candles.verdict('vwap') }}", {})
    assert verdict, said
    columns = {
        "their_vwap": "decimal(38, 12)",
        "our_base_volume": "decimal(38, 12)",
        "our_quote_volume": "decimal(38, 24)",
    }
    typed = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in columns.items())
    rows = "('10000000000000000', '1000', '100000'), ('100', '1000', '100000'), ('100.1', '1000', '100000')"
    given = f"(values {rows}) as given (their_vwap, our_base_volume, our_quote_volume)"
    query = f"select {verdict} from (select {typed}, 1.0 as our_vwap, 1 as price_decimals from {given})"
    assert [told for (told,) in duckdb.sql(query).fetchall()] == [2, 0, 2]
