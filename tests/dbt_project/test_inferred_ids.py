"""Trades that the exchange shows without their ids, loaded in parts and built: the known ids tell theirs."""

from collections.abc import Callable
from typing import Any

import pytest

import dlt_pipeline
from dlt_pipeline import build
from dlt_pipeline.exchange import Clock, Fault, LocalExchange, SyntheticFeed
from dlt_pipeline.warehouse.database import warehouse_path
from tests.built_parts import only
from tests.loading.quick import DAY_NS, NOW, NOW_NS, START, START_NS, quick_load
from tests.truth import expected_trades, query


@pytest.mark.usefixtures("parsed_once")
def test_a_late_load_tells_the_ids_of_a_run_that_the_first_one_began_within(
    serve: Callable[..., LocalExchange],
) -> None:
    """Around a midnight at which the first load begins, and in an hour before it, the exchange shows id 0."""
    feed = SyntheticFeed(7, Clock(NOW), days=2)
    exchange = serve(feed, Clock(NOW))
    truth = [row[:2] for row in expected_trades(feed, "BTC/USD", NOW_NS, START_NS)]
    midnight = next(number for number, row in enumerate(truth) if row[1] >= START_NS + DAY_NS)
    hidden = {truth[number][0] for number in [*range(300, 400), *range(midnight - 60, midnight + 60)]}

    def hide(result: dict[str, Any]) -> dict[str, Any]:
        rows = [[*row[:6], 0] if int(row[6]) in hidden else row for row in result["XXBTZUSD"]]
        return {**result, "XXBTZUSD": rows}

    exchange.faults.add(Fault("change", "Trades", pair="BTC/USD", change=hide, times=None))
    warehouse = warehouse_path()
    seen, proofs = [], []
    for start, part in (("2026-11-07", only("trades", "coverage")), (START, ())):
        quick_load("BTC/USD", start=start)
        assert build(warehouse, part, quiet=True)
        seen.append(dlt_pipeline.trades("BTC/USD", engine="arrow").to_pylist())
        proofs.append(query(warehouse, "select proven_by from kraken.coverage"))
    first, both = seen
    assert len(first) == len(truth) - midnight
    assert [row["trade_id"] for row in first[:61]] == [*[None] * 60, truth[midnight + 60][0]]
    assert {row["inferred_trade_id"] for row in first} == {None}, "no id before them is known yet"
    assert [(row["trade_id"] or row["inferred_trade_id"], row["time_ns"]) for row in both] == truth
    assert {row["inferred_trade_id"] for row in both if row["inferred_trade_id"]} == hidden
    assert proofs == [[("ids, agreement",)], [("ids",)]]
    kept = query(warehouse, "select distinct trade_id, after_trade_id > 0 from kraken_raw.trades where trade_id = 0")
    assert sorted(kept) == [(0, False), (0, True)], "the first load knew no id before the run"
