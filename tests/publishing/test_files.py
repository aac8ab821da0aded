"""One file of the tree: its columns, types, order, and what it says of itself."""

from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dlt_pipeline import publish
from dlt_pipeline.common import program
from tests.publishing.made import COLUMNS, Made

FILE = "source={}/symbol=BTC-USD/timeframe=1m/year=2026/candles.parquet"


def test_both_sources_have_the_same_columns_and_types(published: Made) -> None:
    schemas = {
        source: pq.read_schema(published.tree / FILE.format(source)).remove_metadata() for source in ("trades", "rest")
    }
    assert schemas["trades"].equals(schemas["rest"])
    assert schemas["trades"].names == COLUMNS.split(", ")
    assert schemas["trades"].field("bucket_start").type == pa.timestamp("us")
    assert schemas["trades"].field("close").type == pa.float64()


def test_decimals_are_exact_when_asked_for(made: Made) -> None:
    made.build(numbers="decimal")
    publish(made.path)
    table = pq.ParquetFile(made.tree / FILE.format("trades")).read()
    assert table.schema.field("close").type == pa.decimal128(38, 12)
    assert table.schema.field("quote_volume").type == pa.decimal128(38, 24)
    first = table.to_pylist()[0]
    assert first["base_volume"] == Decimal("1.000000000001")
    assert first["quote_volume"] == Decimal("120.1") * Decimal("1.000000000001")


def test_rows_are_in_order_though_the_warehouse_has_them_in_none(published: Made) -> None:
    starts = pq.ParquetFile(published.tree / FILE.format("trades")).read().column("bucket_start").to_pylist()
    assert len(starts) == 60
    assert starts == sorted(starts)


@pytest.mark.parametrize("source", ["trades", "rest"])
def test_a_file_says_what_it_is(published: Made, source: str) -> None:
    said = pq.read_metadata(published.tree / FILE.format(source)).metadata
    ours = {key.decode(): value.decode() for key, value in said.items() if key.startswith(b"kraken_candles.")}
    (content_hash,) = published.query(
        f"select content_hash from kraken.export_partitions "
        f"where source = '{source}' and symbol = 'BTC/USD' and timeframe = '1m' and year = 2026"
    )[0]
    assert ours.pop("kraken_candles.written_at")
    assert ours.pop("kraken_candles.file_version")
    assert ours == {
        "kraken_candles.source": source,
        "kraken_candles.symbol": "BTC/USD",
        "kraken_candles.timeframe": "1m",
        "kraken_candles.year": "2026",
        "kraken_candles.version": program(),
        "kraken_candles.empty_bucket_policy": "null",
        "kraken_candles.content_hash": content_hash,
        "kraken_candles.row_count": "60",
        "kraken_candles.numbers": "float64",
    }
