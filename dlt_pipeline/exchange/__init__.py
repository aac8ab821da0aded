"""The local exchange: a Kraken-compatible server for demos and tests, over invented or recorded trades."""

from dlt_pipeline.common.exceptions import ExchangeStartError, LocalExchangeError, RecordingError, UnknownMarketError
from dlt_pipeline.exchange.clock import Clock
from dlt_pipeline.exchange.faults import Fault, replace_value
from dlt_pipeline.exchange.market import Feed, Market
from dlt_pipeline.exchange.replay import ReplayFeed
from dlt_pipeline.exchange.server import Call, LocalExchange, run_exchange
from dlt_pipeline.exchange.synthetic import SyntheticFeed
from dlt_pipeline.exchange.trade import ExchangeTrade, RawNumber, displayed_ns

__all__ = [
    "Call",
    "Clock",
    "ExchangeStartError",
    "ExchangeTrade",
    "Fault",
    "Feed",
    "LocalExchange",
    "LocalExchangeError",
    "Market",
    "RawNumber",
    "RecordingError",
    "ReplayFeed",
    "SyntheticFeed",
    "UnknownMarketError",
    "displayed_ns",
    "replace_value",
    "run_exchange",
]
