"""The dlt source: trades with their ledger, Kraken's own candles and markets, as resources of one source."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dlt
import pyarrow as pa
from dlt.extract import DltResource

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.time import When
from dlt_pipeline.kraken.chunk import SYMBOL_TABLES, Chunk, Limit
from dlt_pipeline.kraken.raw_tables import Batch, hints, market_rows, part_of, to_table, version_row
from dlt_pipeline.kraken.request import make_request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import REST_TIMEFRAMES, load_settings


@dlt.source(name="kraken", section="kraken", max_table_nesting=0)
def source_of(chunk: Chunk) -> list[DltResource]:
    """Return the source of one chunk of a load that keeps its session from chunk to chunk."""
    return resources(chunk)


@dlt.source(name="kraken", section="kraken", max_table_nesting=0)
def kraken_source(
    symbols: Sequence[str] | None = None,
    start: When | None = None,
    end: When | None = None,
    timeframes: Sequence[str] = tuple(REST_TIMEFRAMES),
    exact: bool = False,
    base_url: str | None = None,
    seconds_per_call: float | None = None,
    also_archived: bool = False,
) -> Any:
    """Kraken's raw trades with the ledger that proves them, Kraken's own candles, and its markets.

    One run is one bounded chunk: at most `sources.kraken.chunk_pages` pages a symbol or `chunk_seconds`. It goes on
    where the warehouse's ledger ends, so run it again (or use `dlt_pipeline.load`) until nothing is added.

    Args:
        symbols: ccxt symbols such as `["BTC/USD"]`; config value `sources.kraken.symbols`.
        start: first moment wanted, inclusive; ISO text, date or datetime; UTC where no zone is given; config value
            `sources.kraken.start`.
        end: first moment not wanted any more; None loads up to now and moves the live cursor.
        timeframes: Kraken's own candles to fetch for comparison, of 1m 5m 15m 30m 1h 4h 1d 1w 15d; () for none.
        exact: take start and end as they are instead of widening them to whole UTC days.
        base_url: the exchange's address; config value `sources.kraken.base_url`.
        seconds_per_call: the pace of each symbol; config value `sources.kraken.seconds_per_call`.
        also_archived: ask for whole UTC days, too, that imported archives hold.

    Resources: `trades_<symbol>`, `pages_<symbol>`, `id_holes_<symbol>`, `rest_candles_<symbol>`, `markets`,
    `market_statuses`, `warehouse_versions`; prices in quote, volumes in base units as DECIMAL(38, 12), times in ns and
    UTC microseconds.
    `add_limit` counts pages of trades of each symbol, or trades with `count_rows`.

    One such source a pipeline run, into the destination duckdb or filesystem. Raises BadInputError at once for
    arguments that make no sense; another destination, and what the exchange refuses, such as an unknown symbol, arrive
    as the cause of dlt's PipelineStepFailed.
    """
    if not symbols or start is None:
        missing = "start" if symbols else "symbols"
        raise BadInputError(f"kraken_source has no {missing}; set sources.kraken.{missing} in dlt's config.")
    request = make_request(symbols, start, end, timeframes, exact, also_archived)
    settings = load_settings(base_url=base_url, seconds_per_call=seconds_per_call)
    return resources(Chunk(Session(settings), request))


def resources(chunk: Chunk) -> list[DltResource]:
    """Return the dlt resources of one chunk. A symbol's answers are fetched once and shared out to its tables."""
    # The ledger counts only with the id of its load, and dlt adds it to Arrow tables only when told to.
    os.environ.setdefault("NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID", "true")
    found: list[DltResource] = [
        dlt.resource(_markets(chunk), name="markets", **hints("markets")),
        dlt.resource(_statuses(chunk), name="market_statuses", parallelized=True, **hints("market_statuses")),
        dlt.resource(_versions(chunk), name="warehouse_versions", **hints("warehouse_versions")),
    ]
    labels = [re.sub(r"\W", "_", symbol.lower()) for symbol in chunk.request.symbols]
    for number, symbol in enumerate(chunk.request.symbols):
        label, before = labels[number], labels[:number].count(labels[number])
        label += f"_{before + 1}" if before else ""  # AAPLX/USD beside AAPLx/USD
        kind = _limited(chunk, symbol)
        answers = dlt.resource(
            _answers(chunk, symbol), name=f"answers_{label}", selected=False, parallelized=True, _impl_cls=kind
        )
        found.extend(
            dlt.transformer(  # type: ignore[call-overload]  # `_impl_cls` is told of in its docs, and in no overload
                part_of(table), name=f"{table}_{label}", data_from=answers, _impl_cls=kind, **hints(table)
            )
            for table in SYMBOL_TABLES
        )
    return found


def _limited(chunk: Chunk, symbol: str) -> type[DltResource]:
    """Return the kind of a symbol's resources, whose limit is the chunk's: dlt sets none on transformers.

    dlt's own would drop a page that arrives late, after the cursor moved past it.
    """

    class SymbolResource(DltResource):
        def add_limit(
            self, max_items: int | None = None, max_time: float | None = None, count_rows: bool | None = False
        ) -> "SymbolResource":
            chunk.limits[symbol] = Limit(max_items, max_time, count_rows)
            return self

    return SymbolResource


def _answers(chunk: Chunk, symbol: str) -> Callable[[], Iterator[Batch]]:
    def answers() -> Iterator[Batch]:  # dlt puts an attribute on the function, which a bound method refuses
        yield from chunk.answers(symbol)

    return answers


def _markets(chunk: Chunk) -> Iterator[pa.Table]:
    chunk.begin()
    yield to_table("markets", market_rows(chunk.session.markets, chunk.session.listed_at))


def _statuses(chunk: Chunk) -> Callable[[], Iterator[pa.Table]]:
    def statuses() -> Iterator[pa.Table]:
        # Also where none changed: dlt makes the table in a file that took the place of another only if rows may come.
        yield to_table("market_statuses", chunk.changed_statuses())

    return statuses


def _versions(chunk: Chunk) -> Iterator[pa.Table]:
    yield to_table("warehouse_versions", [version_row(chunk.session.settings.base_url)])
