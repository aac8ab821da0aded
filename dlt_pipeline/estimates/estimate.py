"""The price of a load before it begins: two calls a symbol tell the number of trades, arithmetic the rest."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

from dlt_pipeline.common.exceptions import ExchangeError
from dlt_pipeline.common.time import When
from dlt_pipeline.estimates.counter import Counter, Edge, edges_of
from dlt_pipeline.estimates.price import Costs, Estimate, days_between, price_trades, until
from dlt_pipeline.estimates.settings import load_job_settings
from dlt_pipeline.kraken.ledger_store import Lacking, LedgerStore, place_of
from dlt_pipeline.kraken.request import Request, make_request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import REST_TIMEFRAMES, exchange_kind, load_settings
from dlt_pipeline.warehouse.pipeline import Place

OnFailure = Callable[[str, ExchangeError], object]


def estimate(
    symbols: Sequence[str],
    start: When,
    end: When | None = None,
    *,
    exact: bool = False,
    timeframes: Sequence[str] = tuple(REST_TIMEFRAMES),
    stop: threading.Event | None = None,
) -> list[Estimate]:
    """Price a load of all of [start, end) into an empty warehouse, a line a symbol in the order they were given.

    Arguments as of `load`; bounds are widened to whole UTC days unless `exact`. Asks two calls a symbol, or a few more
    where many trades share the moment before a bound, where the exchange is silent since, or where Kraken gives no ids
    and samples must do (`is_approximate`). Ids that Kraken lacks are counted as trades. Raises KrakenCandlesError.
    """
    session = Session(load_settings(), stop).open(make_request(symbols, start, end, timeframes, exact))
    return _priced(session, LedgerStore().lacking(session, session.request), {})


def price_of(
    request: Request,
    warehouse: str | Path | Place | None = None,
    session: Session | None = None,
    on_failure: OnFailure | None = None,
) -> list[Estimate]:
    """Price what a request's windows still lack in the warehouse, a line a symbol: what is loaded costs nothing.

    `session` may be kept for the load itself. The warehouse is only read. A symbol that the exchange has no good answer
    for is told to `on_failure` and left out; without it the error is raised. Raises KrakenCandlesError.
    """
    place = place_of(warehouse)
    session = session or Session(load_settings())
    place.check(exchange_kind(session.settings.base_url), read_only=True)
    session.open(request)
    with LedgerStore.of(place) as store:
        lacking = store.lacking(session, session.request)
        edges = {
            symbol: edges_of(store, symbol, each.proven, chain.from_iterable(each.spans))
            for symbol, each in lacking.items()
        }
    return _priced(session, lacking, edges, on_failure)


def _priced(
    session: Session,
    lacking: Mapping[str, Lacking],
    edges: Mapping[str, Mapping[int | None, Edge]],
    on_failure: OnFailure | None = None,
) -> list[Estimate]:
    """Price the symbols at the same time, because each waits for its own pace."""
    costs, request = Costs(session.settings, load_job_settings()), session.request

    def price(symbol: str) -> Estimate:
        counter = Counter(session, symbol, costs.jobs.sample_pages, edges.get(symbol, {}))
        counted = [counter.count(*piece) for piece in lacking[symbol].spans]
        ids = [one for one in counted if one.trades]
        windows = request.windows[symbol]
        return price_trades(
            costs,
            symbol,
            (windows[0].start_ns, windows[-1].end_ns),
            [one.trades for one in counted],
            days=sum(days_between(start, until(end, session.now_ns)) for start, end in lacking[symbol].spans),
            snapshots=len(request.timeframes),
            ids=(ids[0].first_trade_id, ids[-1].last_trade_id) if ids else (None, None),
            is_approximate=any(one.is_approximate for one in counted),
            asked_calls=counter.calls,
        )

    def price_or_tell(symbol: str) -> Estimate | None:
        try:
            return price(symbol)
        except ExchangeError as error:
            if on_failure is None:
                raise
            on_failure(symbol, error)
            return None

    with ThreadPoolExecutor(max_workers=len(request.symbols), thread_name_prefix="price") as pool:
        return [one for one in pool.map(price_or_tell, request.symbols) if one is not None]
