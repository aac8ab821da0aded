"""What is kept of the statuses of markets and of the exchange: rows on change, also of what is delisted or not told."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from dlt_pipeline.exchange import Fault, LocalExchange
from dlt_pipeline.kraken.markets import CURRENCY, EXCHANGE, TOKENIZED, Listed, Market, Seen, changed_statuses, seen_of
from tests.loading.quick import quick_load
from tests.truth import query

STATUSES = "select symbol, status from kraken_raw.market_statuses order by seen_at, symbol"


def test_a_load_keeps_a_row_for_each_status_that_changed(exchange: LocalExchange, warehouse: Path) -> None:
    assert not quick_load("MINA/GBP").failures
    first = query(warehouse, STATUSES)
    assert first == [("", "online"), *((symbol, "online") for symbol in ("BONK/USD", "BTC/USD", "ETH/USD", "MINA/GBP"))]
    assert not quick_load("MINA/GBP").failures
    assert query(warehouse, STATUSES) == first, "nothing changed"
    exchange.set_status("maintenance")
    exchange.set_status("cancel_only", "BTC/USD")
    exchange.delist("ETH/USD")
    assert not quick_load("MINA/GBP", "AAPLx/USD").failures
    shares = [("AAPLx/USD", "online"), ("GMEx/USD", "online")]  # of their list, which was not asked for before
    second = sorted([("", "maintenance"), *shares, ("BTC/USD", "cancel_only"), ("ETH/USD", "delisted")])
    assert query(warehouse, STATUSES) == [*first, *second]
    asked = len([call for call in exchange.calls if call.path == "SystemStatus"])
    assert asked == 3, "one call a load"
    exchange.set_status("online")
    exchange.relist("ETH/USD")
    assert not quick_load("MINA/GBP").failures
    assert query(warehouse, STATUSES)[len(first) + len(second) :] == [("", "online"), ("ETH/USD", "online")]
    told = "select count(previous_seen_at), bool_and(previous_seen_at < seen_at) from kraken_raw.market_statuses"
    assert query(warehouse, told) == [(5, True)], "each change says when the status before was seen last"


def test_one_odd_list_delists_nothing(exchange: LocalExchange, warehouse: Path) -> None:
    assert not quick_load("MINA/GBP").failures
    first = query(warehouse, STATUSES)

    def without_ether(result: dict[str, Any]) -> dict[str, Any]:
        return {name: pair for name, pair in result.items() if name != "XETHZUSD"}

    exchange.faults.add(Fault("change", "AssetPairs", change=without_ether))
    assert not quick_load("MINA/GBP").failures
    assert query(warehouse, STATUSES) == first
    exchange.faults.add(Fault("change", "AssetPairs", change=without_ether, times=2))
    assert not quick_load("MINA/GBP").failures
    assert query(warehouse, STATUSES) == [*first, ("ETH/USD", "delisted")]


@pytest.mark.parametrize(
    "fault",
    [
        *(pytest.param(Fault(kind, "SystemStatus", times=None), marks=pytest.mark.long) for kind in ("html", "error")),
        pytest.param(Fault("http_status", "SystemStatus", times=None), marks=pytest.mark.long),
        Fault("drop", "SystemStatus", times=None),
        Fault("change", "SystemStatus", times=None, change=lambda _: {"status": {"no": "text"}}),
    ],
    ids=lambda fault: fault.kind,
)
def test_an_exchange_that_does_not_tell_its_status_fails_no_load(
    exchange: LocalExchange, warehouse: Path, fault: Fault
) -> None:
    exchange.faults.add(fault)
    assert not quick_load("MINA/GBP").failures
    assert query(warehouse, "select status from kraken_raw.market_statuses where symbol = ''") == [(None,)]
    assert len([call for call in exchange.calls if call.path == "SystemStatus"]) == 1


DAYS = [datetime(2026, 11, day) for day in range(1, 6)]  # noqa: DTZ001 - naive UTC, as in the tables
ONE, TWO, THREE, FOUR, FIVE = DAYS


def test_when_a_status_was_seen_last_is_told_by_lists_that_say_the_same() -> None:
    statuses = [
        ("A/USD", CURRENCY, "online", ONE),
        ("B/USD", CURRENCY, "online", ONE),
        (EXCHANGE, CURRENCY, "online", ONE),
        ("C/USD", CURRENCY, "online", ONE),
        ("Sx/USD", TOKENIZED, "online", ONE),
        ("C/USD", CURRENCY, "delisted", THREE),
        ("D/USD", CURRENCY, None, THREE),
    ]
    listed = [
        ("A/USD", "online", FOUR),
        ("B/USD", "post_only", FIVE),  # an import listed it, and wrote no status down
        ("C/USD", "online", TWO),
        ("Sx/USD", "online", TWO),
        ("D/USD", None, FOUR),
        ("E/USD", "online", FIVE),
    ]
    assert {symbol: (seen.status, seen.last_seen_at) for symbol, seen in seen_of(statuses, listed).items()} == {
        "A/USD": ("online", FOUR),
        "B/USD": ("online", ONE),
        EXCHANGE: ("online", FIVE),
        "C/USD": ("delisted", FIVE),
        "Sx/USD": ("online", TWO),
        "D/USD": (None, FOUR),
    }


def market(symbol: str, asset_class: str = CURRENCY) -> Market:
    base, quote = symbol.split("/")
    return Market(symbol, base + quote, base + quote, symbol, base, quote, 2, 8, "online", asset_class)


def changes(known: dict[str, Seen], listed: Listed, exchange: str | None = "online") -> list[tuple[Any, ...]]:
    return [(row["symbol"], row["status"]) for row in changed_statuses(known, listed, exchange, FIVE)]


def test_only_a_list_of_its_own_class_delists_a_market_and_nonsense_does_not() -> None:
    known = {
        name: Seen(TOKENIZED if name == "Sx/USD" else CURRENCY, "online", ONE)
        for name in ("A/USD", "B/USD", "C/USD", "Sx/USD", EXCHANGE)
    }
    listed = Listed((market("A/USD"),), {"B/USD": ValueError("nonsense")})  # type: ignore[dict-item]
    assert changes(known, listed) == [("C/USD", "delisted")]
    both = Listed((market("A/USD"), market("Tx/USD", TOKENIZED)), {})
    assert changes(known, both, None) == [
        *[("Tx/USD", "online"), ("B/USD", "delisted"), ("C/USD", "delisted"), ("Sx/USD", "delisted")],
        (EXCHANGE, None),
    ]
