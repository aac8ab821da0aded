"""The dlt source in somebody's own pipeline."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import pytest

from dlt_pipeline import archive_source, kraken_source
from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.exchange import Fault, LocalExchange, SyntheticFeed
from tests.loading.quick import NOW_NS
from tests.truth import expected_trades, loaded_trades, query


def _mine(folder: Path) -> tuple[dlt.Pipeline, Path]:
    """A pipeline of the user's own, and its file."""
    file = folder / "mine.duckdb"
    return dlt.pipeline("mine", destination=dlt.destinations.duckdb(str(file)), dataset_name="kraken_raw"), file


def _loaded(pipeline: dlt.Pipeline, file: Path) -> tuple[int, int, int | None]:
    """How many pages and trades of BTC/USD are there, and the time of the last one that its cursor knows (ns)."""
    cursor = pipeline.state["sources"]["kraken"]["cursors"].get("BTC/USD")
    [(pages,)] = query(file, "select count(*) from kraken_raw.pages where symbol = 'BTC/USD'")
    return pages, len(loaded_trades(file, "BTC/USD")), cursor and cursor["tail_time_ns"]


def test_the_source_works_in_anybodys_pipeline(exchange: LocalExchange, feed: SyntheticFeed, tmp_path: Path) -> None:
    pipeline, file = _mine(tmp_path)
    for _ in range(2):
        pipeline.run(kraken_source(["BTC/USD", "MINA/GBP"], "2026-11-06", timeframes=["1h"]))
    for symbol in ("BTC/USD", "MINA/GBP"):
        assert loaded_trades(file, symbol) == expected_trades(feed, symbol, NOW_NS)


def test_the_source_takes_symbols_and_start_from_dlts_config(
    exchange: LocalExchange, feed: SyntheticFeed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline, file = _mine(tmp_path)
    monkeypatch.setenv("SOURCES__KRAKEN__SYMBOLS", '["MINA/GBP"]')
    with pytest.raises(BadInputError, match=r"no start; set sources\.kraken\.start"):
        kraken_source()
    monkeypatch.setenv("SOURCES__KRAKEN__START", "2026-11-06")
    pipeline.run(kraken_source(timeframes=[]))
    assert loaded_trades(file, "MINA/GBP") == expected_trades(feed, "MINA/GBP", NOW_NS)
    with pytest.raises(BadInputError, match=r"no symbols; set sources\.kraken\.symbols"):
        kraken_source([])


def test_the_source_raises_where_a_symbol_fails(exchange: LocalExchange, tmp_path: Path) -> None:
    exchange.faults.add(Fault("wrong_pair", "Trades", times=None))
    pipeline, _ = _mine(tmp_path)
    with pytest.raises(Exception, match="the answer is about"):
        pipeline.run(kraken_source(["BTC/USD"], "2026-11-06"))


def test_a_destination_that_cannot_tell_what_is_loaded_is_refused_before_the_exchange_is_asked(
    exchange: LocalExchange, tmp_path: Path
) -> None:
    pipeline = dlt.pipeline("mine", destination="dummy", dataset_name="kraken_raw")
    sources = kraken_source(["BTC/USD"], "2026-11-06"), archive_source(tmp_path)
    for source in sources:
        with pytest.raises(Exception, match="destination dummy, where this source cannot look up what is loaded; give"):
            pipeline.run(source)
    assert exchange.calls == []


@pytest.mark.parametrize(
    ("limit", "is_within"),
    [
        ({"max_items": 2}, lambda pages, _: pages == 2),
        ({"max_items": 1500, "count_rows": True}, lambda _, trades: 1500 <= trades < 2500),
        ({"max_time": 1e-9}, lambda pages, _: pages == 1),
        ({"max_items": 0}, lambda pages, _: pages == 0),
    ],
    ids=["pages", "trades", "seconds", "nothing"],
)
def test_add_limit_cuts_at_whole_pages_and_the_next_run_goes_on(
    exchange: LocalExchange, feed: SyntheticFeed, tmp_path: Path, limit: Any, is_within: Callable[[int, int], bool]
) -> None:
    pipeline, file = _mine(tmp_path)
    pipeline.run(kraken_source(["BTC/USD"], "2026-11-06", timeframes=["1h"]).add_limit(**limit))
    pages, trades, cursor = _loaded(pipeline, file)
    assert is_within(pages, trades)
    assert cursor == max((time_ns for _, time_ns, *_ in loaded_trades(file, "BTC/USD")), default=None)
    pipeline.run(kraken_source(["BTC/USD"], "2026-11-06", timeframes=["1h"]))
    assert loaded_trades(file, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


def test_a_limit_of_one_resource_is_its_symbols_alone(
    exchange: LocalExchange, feed: SyntheticFeed, tmp_path: Path
) -> None:
    pipeline, file = _mine(tmp_path)
    source = kraken_source(["BTC/USD", "MINA/GBP"], "2026-11-06", timeframes=[])
    source.resources["trades_btc_usd"].add_limit(1)
    pipeline.run(source)
    assert _loaded(pipeline, file)[0] == 1
    assert loaded_trades(file, "MINA/GBP") == expected_trades(feed, "MINA/GBP", NOW_NS)
