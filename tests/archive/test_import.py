"""Imports through the real command: what is in the warehouse afterwards is what the files hold, once."""

from collections.abc import Callable
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from dlt_pipeline.exchange import LocalExchange, SyntheticFeed
from dlt_pipeline.warehouse.database import warehouse_path
from tests.archive.conftest import DAY_NS, NOW_NS
from tests.archive.exported import Traded, cut, of_feed, trades_file, write_folder, write_zip
from tests.conftest import object_in

Rows = Callable[[str], list[tuple[Any, ...]]]
Command = Callable[..., tuple[int, str]]
COUNTED = (
    "select t.symbol, count(*), sum(t.volume) from kraken_raw.archive_trades as t "
    "where t.part_id in (select part_id from kraken_raw.archive_parts) group by all order by all"
)
STORED = "select time_ns // 1000000000, price, volume from kraken_raw.archive_trades order by row_number"


def tape(feed: SyntheticFeed, symbol: str = "BTC/USD") -> list[Traded]:
    return of_feed(feed, symbol, NOW_NS // DAY_NS * DAY_NS)


def total(trades: list[Traded]) -> tuple[int, Decimal]:
    return len(trades), sum((Decimal(trade.volume) for trade in trades), Decimal(0))


def test_files_are_called_as_the_exchange_calls_their_markets(
    tmp_path: Path, exchange: LocalExchange, feed: SyntheticFeed, command: Command, rows: Rows
) -> None:
    made = write_zip(
        tmp_path / "history.zip",
        {
            f"TimeAndSales_Combined/{name}": text
            for symbol, altname in (("BTC/USD", "XBTUSD"), ("MINA/GBP", "MINAGBP"))
            for name, text in trades_file(altname, tape(feed, symbol)).items()
        },
    )
    code, text = command("import", str(made), "--json")
    assert (code, "Imported into" in text) == (0, True), text
    told = object_in(text)
    assert (told["row_count"], told["problems"]) == (sum(each["row_count"] for each in told["files"]), [])
    assert [(each["symbol"], each["outcome"]) for each in told["files"]] == [
        *(("BTC/USD", "imported"), ("MINA/GBP", "imported")),
    ]
    assert rows(COUNTED) == [(symbol, *total(tape(feed, symbol))) for symbol in ("BTC/USD", "MINA/GBP")]
    assert rows("select distinct exchange from kraken_raw.warehouse_versions") == [("local",)]
    assert rows("select count(*) > 2 from kraken_raw.markets") == [(True,)]
    expected = [(trade.time_ns // 10**9, Decimal(trade.price), Decimal(trade.volume)) for trade in tape(feed)]
    assert rows(STORED.replace(" order", " where symbol = 'BTC/USD' order")) == expected


@pytest.mark.parametrize(
    ("symbols", "lists"),
    [({"AAPLxUSD": "AAPLx/USD", "XBTUSD": "BTC/USD"}, 2), ({"XBTUSD": "BTC/USD"}, 1)],
)
def test_a_share_is_called_as_kraken_writes_it_and_others_cost_no_second_list(
    tmp_path: Path,
    exchange: LocalExchange,
    feed: SyntheticFeed,
    command: Command,
    rows: Rows,
    symbols: dict[str, str],
    lists: int,
) -> None:
    files = [trades_file(name, tape(feed, symbol)) for name, symbol in symbols.items()]
    code, text = command(
        "import", str(write_folder(tmp_path / "new", dict(chain.from_iterable(map(dict.items, files)))))
    )
    assert (code, "altname" in text) == (0, False), text
    assert rows(COUNTED) == [(symbol, *total(tape(feed, symbol))) for symbol in symbols.values()]
    assert sum(call.path == "AssetPairs" for call in exchange.calls) == lists


def test_a_second_import_adds_nothing_and_a_changed_path_neither(
    tmp_path: Path, exchange: LocalExchange, feed: SyntheticFeed, command: Command, rows: Rows
) -> None:
    files = trades_file("XBTUSD", tape(feed))
    made = write_zip(tmp_path / "history.zip", files)
    assert command("import", str(made))[0] == 0
    before = rows("select count(*), count(distinct part_id) from kraken_raw.archive_trades")
    for again in (made, write_zip(tmp_path / "copy.zip", files), write_folder(tmp_path / "folder", files)):
        code, text = command("import", str(again))
        assert (code, "already there" in text, "Nothing new" in text) == (0, True, True), text
    assert rows("select count(*), count(distinct part_id) from kraken_raw.archive_trades") == before
    assert rows("select count(*) from kraken_raw.archive_files") == [(1,)]


def test_symbols_choose_files_by_either_name(
    tmp_path: Path, exchange: LocalExchange, feed: SyntheticFeed, command: Command, rows: Rows
) -> None:
    folder = write_folder(
        tmp_path / "folder",
        {
            **trades_file("XBTUSD", tape(feed)),
            **trades_file("MINAGBP", tape(feed, "MINA/GBP")),
            **trades_file("BONKUSD", tape(feed, "BONK/USD")),
        },
    )
    code, text = command("import", str(folder), "--symbols", "BTC/USD,minagbp")
    assert code == 0, text
    assert [symbol for symbol, *_ in rows(COUNTED)] == ["BTC/USD", "MINA/GBP"]
    code, text = command("import", str(folder), "--symbols", "ETH/USD")
    assert (code, "None of the files is of ETH/USD; there are BONKUSD, MINAGBP, XBTUSD" in text) == (2, True), text


def test_the_password_of_an_exchanges_address_is_not_stored(
    tmp_path: Path,
    exchange: LocalExchange,
    feed: SyntheticFeed,
    command: Command,
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__BASE_URL", exchange.base_url.replace("//", "//me:secret@"))
    code, text = command("import", str(write_folder(tmp_path / "folder", trades_file("XBTUSD", tape(feed)))))
    assert code == 0, text
    assert rows("select exchange, base_url from kraken_raw.warehouse_versions") == [
        ("local", exchange.base_url.replace("//", "//***@"))
    ]
    assert b"secret" not in warehouse_path().read_bytes()


def test_without_an_exchange_files_are_imported_as_they_are_called_and_renamed_later(
    tmp_path: Path, no_exchange: None, feed: SyntheticFeed, command: Command, rows: Rows
) -> None:
    made = write_zip(tmp_path / "history.zip", trades_file("XBTUSD", tape(feed)))
    code, text = command("import", str(made))
    assert (code, "Imported under their altnames" in text, "--symbol-map" in text) == (0, True, True), text
    assert rows(COUNTED) == [("XBTUSD", *total(tape(feed)))]
    assert rows("select exchange, base_url from kraken_raw.warehouse_versions") == [("none", "")]
    (tmp_path / "map.csv").write_text("altname,symbol\nXBTUSD,BTC/USD\n")
    code, text = command("import", str(made), "--symbol-map", str(tmp_path / "map.csv"))
    assert (code, "replaced an older one" in text) == (0, True), text
    assert rows(COUNTED) == [("BTC/USD", *total(tape(feed)))]


def test_what_a_warehouse_with_markets_does_not_know_is_told_so(
    tmp_path: Path, exchange: LocalExchange, feed: SyntheticFeed, command: Command
) -> None:
    command("import", str(write_folder(tmp_path / "one", trades_file("XBTUSD", tape(feed)))))
    share = trades_file("AAPLxUSD", tape(feed, "AAPLx/USD"))
    code, text = command("import", str(write_folder(tmp_path / "two", share)))
    assert (code, "for no market in this warehouse is called so: AAPLXUSD." in text) == (0, True), text


def test_a_newer_edition_replaces_an_older_one_as_a_whole(
    tmp_path: Path, exchange: LocalExchange, feed: SyntheticFeed, command: Command, rows: Rows
) -> None:
    older = cut(tape(feed), to_ns=NOW_NS - 2 * DAY_NS)
    command("import", str(write_folder(tmp_path / "older", trades_file("XBTUSD", older))))
    code, text = command("import", str(write_folder(tmp_path / "newer", trades_file("XBTUSD", tape(feed)))))
    assert (code, "replaced an older one" in text) == (0, True), text
    assert rows(COUNTED) == [("BTC/USD", *total(tape(feed)))]
    assert rows("select count(*) from kraken_raw.archive_files") == [(2,)]


def test_editions_that_disagree_both_stay_and_are_told(
    tmp_path: Path, exchange: LocalExchange, feed: SyntheticFeed, command: Command, rows: Rows
) -> None:
    other = tape(feed)[:500]
    other[100] = other[100]._replace(volume="123.5")
    command("import", str(write_folder(tmp_path / "older", trades_file("XBTUSD", other))))
    code, text = command("import", str(write_folder(tmp_path / "newer", trades_file("XBTUSD", tape(feed)))))
    assert (code, "they disagree on 2026-11-0" in text, "stay stored" in text) == (1, True, True), text
    assert rows(COUNTED)[0][1] == 500 + len(tape(feed))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nowhere.zip",), 2, "There is no nowhere.zip"),
        (("{folder}", "--start", "yesterday"), 2, "is not a date"),
        (("{folder}", "--start", "2026-11-02", "--end", "2026-11-01"), 2, "does not lie after the start"),
        (("{folder}", "--symbol-map", "none.csv"), 2, "none.csv cannot be read"),
        (("{folder}", "--symbols", ","), 2, "symbols is empty"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(
    tmp_path: Path, command: Command, arguments: tuple[str, ...], code: int, said: str
) -> None:
    write_folder(tmp_path / "folder", {"XBTUSD.csv": "1,2,3\n"})
    found = command("import", *(each.format(folder=tmp_path / "folder") for each in arguments))
    assert (found[0], said in found[1]) == (code, True), found[1]
    assert not (tmp_path / "warehouse.duckdb").exists()
