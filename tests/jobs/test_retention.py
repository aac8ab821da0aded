"""Retention by age: load, keep, remove; the exchange is not asked again for what was removed."""

from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path

import duckdb
import pytest

from dlt_pipeline.cli.summary import print_summary
from dlt_pipeline.common.exceptions import BadInputError, NothingLoadedError
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from dlt_pipeline.jobs.build import apply_retention, build
from dlt_pipeline.retention import days_by_age, keep_trades_days, request_removal
from dlt_pipeline.warehouse.database import warehouse_path
from tests.built_parts import only
from tests.loading.quick import NOW, quick_load
from tests.truth import query


class Lines:
    """Hears what is printed."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def print(self, what: object = "", **_: object) -> None:
        self.said.append(str(what))


@pytest.mark.usefixtures("unchecked")
def test_what_is_removed_by_age_is_not_asked_for_again(
    serve: Callable[..., LocalExchange], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = warehouse_path()
    exchange = serve(SyntheticFeed(7, Clock(NOW), days=2), Clock(NOW))
    loaded = quick_load("BTC/USD", "MINA/GBP").trades
    assert apply_retention() == apply_retention(keep_days=3, now=NOW), "nothing is removed unless asked, or old enough"
    monkeypatch.setenv("KRAKEN_CANDLES_KEEP_TRADES_DAYS", "1")
    report = apply_retention(now=NOW)
    assert set(report.removed) == {("BTC/USD", date(2026, 11, 6)), ("MINA/GBP", date(2026, 11, 6))}
    assert report.stay == {}
    assert days_by_age(path, 1, NOW) == []
    calls = len(exchange.calls)
    assert sum(quick_load("BTC/USD", "MINA/GBP").trades.values()) == 0
    asked = [call for call in exchange.calls[calls:] if call.path.endswith("Trades")]
    assert len(asked) == 4, "a load asks each symbol for its head alone, and whether it is"
    read = only("check_rest_summary", "check_archive_summary", "coverage", "ohlcv")
    assert build(path, read, quiet=True)
    covered = dict(query(path, "select symbol, sum(trade_count)::bigint from kraken.coverage group by symbol"))
    assert covered == loaded
    days = "select count(distinct bucket_start::date) from kraken.candles where timeframe = '1h' and not is_empty"
    assert query(path, days) == [(3,)]
    lines = Lines()
    print_summary(lines, path)  # type: ignore[arg-type]
    gone = report.removed["BTC/USD", date(2026, 11, 6)]
    assert any(f"{gone:,} are removed" in line and f"{loaded['BTC/USD']:,}" in line for line in lines.said)
    with duckdb.connect(str(path)) as connection:
        connection.execute("update kraken.coverage set are_ids_contiguous = false where symbol = 'MINA/GBP'")
    print_summary(lines, path)  # type: ignore[arg-type]
    at = lines.said.index("Trade ids, NOT proven, for some are missing:")
    assert [line.split()[0] for line in lines.said[at - 1 : at + 2 : 2]] == ["BTC/USD", "MINA/GBP"]


def test_days_count_in_utc_and_today_is_none_of_them(serve: Callable[..., LocalExchange]) -> None:
    serve(SyntheticFeed(7, Clock(NOW), days=2), Clock(NOW))
    quick_load("MINA/GBP")
    path = warehouse_path()
    assert [day for _, day in days_by_age(path, 0, NOW)] == [date(2026, 11, 6), date(2026, 11, 7)]
    assert days_by_age(path, 2, NOW) == days_by_age(path, 999_999, NOW) == []
    assert days_by_age(path, 1, datetime(2026, 11, 8)) == days_by_age(path, 1, NOW)  # noqa: DTZ001 - that is the case
    assert days_by_age(path, 1, datetime(2026, 11, 9, tzinfo=timezone.utc)) == days_by_age(path, 0, NOW)


@pytest.mark.parametrize("text", ["-1", "a week", "1.5"])
def test_a_setting_that_cannot_be_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("KRAKEN_CANDLES_KEEP_TRADES_DAYS", text)
    with pytest.raises(BadInputError, match="KRAKEN_CANDLES_KEEP_TRADES_DAYS"):
        keep_trades_days()


def test_what_makes_no_sense_is_said() -> None:
    with pytest.raises(BadInputError, match="no day"):
        request_removal(warehouse_path(), "BTC/USD", date(2026, 11, 6), date(2026, 11, 6))
    with pytest.raises(BadInputError, match="from 0"):
        apply_retention(keep_days=-1)
    with pytest.raises(NothingLoadedError):
        apply_retention(keep_days=1)
