"""The dlt source in somebody's own pipeline."""

from pathlib import Path

import dlt
import pytest

from dlt_pipeline import kraken_source
from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.exchange import Fault, LocalExchange, SyntheticFeed
from tests.loading.quick import NOW_NS
from tests.truth import expected_trades, loaded_trades


def test_the_source_works_in_anybodys_pipeline(exchange: LocalExchange, feed: SyntheticFeed, tmp_path: Path) -> None:
    file = tmp_path / "mine.duckdb"
    pipeline = dlt.pipeline("mine", destination=dlt.destinations.duckdb(str(file)), dataset_name="kraken_raw")
    for _ in range(2):
        pipeline.run(kraken_source(["BTC/USD", "MINA/GBP"], "2026-11-06", timeframes=["1h"]))
    for symbol in ("BTC/USD", "MINA/GBP"):
        assert loaded_trades(file, symbol) == expected_trades(feed, symbol, NOW_NS)


def test_the_source_takes_symbols_and_start_from_dlts_config(
    exchange: LocalExchange, feed: SyntheticFeed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.duckdb"
    monkeypatch.setenv("SOURCES__KRAKEN__SYMBOLS", '["MINA/GBP"]')
    with pytest.raises(BadInputError, match=r"no start; set sources\.kraken\.start"):
        kraken_source()
    monkeypatch.setenv("SOURCES__KRAKEN__START", "2026-11-06")
    pipeline = dlt.pipeline("mine", destination=dlt.destinations.duckdb(str(file)), dataset_name="kraken_raw")
    pipeline.run(kraken_source(timeframes=[]))
    assert loaded_trades(file, "MINA/GBP") == expected_trades(feed, "MINA/GBP", NOW_NS)
    with pytest.raises(BadInputError, match=r"no symbols; set sources\.kraken\.symbols"):
        kraken_source([])


def test_the_source_raises_where_a_symbol_fails(exchange: LocalExchange, tmp_path: Path) -> None:
    exchange.faults.add(Fault("wrong_pair", "Trades", times=None))
    file = tmp_path / "mine.duckdb"
    pipeline = dlt.pipeline("mine", destination=dlt.destinations.duckdb(str(file)), dataset_name="kraken_raw")
    with pytest.raises(Exception, match="the answer is about"):
        pipeline.run(kraken_source(["BTC/USD"], "2026-11-06"))
