"""Markets each with one thing about OHLCVT files, as raw rows of one warehouse. Each is called by what it shows.

Each has one tape. Its trades are loaded with one page over all of it, unless said otherwise.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from tests.archive.exported import MINUTES, SECOND, Candle, Traded, candles, cut, of_tape
from tests.dbt_project import raw
from tests.dbt_project.candle_files import CandleFile
from tests.dbt_project.tape import DAY, END, HOUR, START, random_tape

# Whole days, so that every length has buckets wholly inside.
FROM_NS, TO_NS = START // DAY * DAY + DAY, START // DAY * DAY + 8 * DAY
IMPORTED_AT = datetime(2024, 2, 1)  # noqa: DTZ001 - naive UTC, as in the warehouse


@dataclass
class Market:
    """Writes one market's raw rows and remembers the files."""

    connection: duckdb.DuckDBPyConnection
    symbol: str
    trades: Sequence[Traded]

    def double(self, trade: Traded) -> None:
        """Have the last trade that is loaded once more, under the next id."""
        more = Market(self.connection, self.symbol, [trade._replace(trade_id=trade.trade_id + 1)])
        more._trades(trade.time_ns, trade.time_ns + 1, "complete")

    def load(self, from_ns: int = FROM_NS, to_ns: int = TO_NS, load: str = "complete") -> None:
        """Load the trades of a stretch."""
        self._trades(from_ns, to_ns, load)
        bounds = {"covered_from": str(raw.timestamp(from_ns)), "covered_to": str(raw.timestamp(to_ns)), "load": load}
        page = {**raw.page(self.symbol, from_ns // SECOND, bounds), "new_trade_count": len(self.trades)}
        raw.insert(self.connection, "pages", [page])

    def _trades(self, from_ns: int, to_ns: int, load: str) -> None:
        rows = []
        for trade in cut(self.trades, from_ns, to_ns):
            row = {"trade_id": str(trade.trade_id), "time": str(raw.timestamp(trade.time_ns)), "price": trade.price}
            made = raw.trade(self.symbol, {**row, "volume": trade.volume})
            exact = {"time_ns": trade.time_ns, "_dlt_load_id": load}
            rows.append({**made, **exact})
        raw.insert(self.connection, "trades", rows)

    def file(self, rows: Sequence[Candle], minutes: int = 60, load: str = "complete", **more: Any) -> CandleFile:
        """Import a file of these candles, later than all before."""
        numbers = self.connection.execute("select coalesce(max(edition_id), 0) + 1 from kraken_raw.archive_parts")
        (number,) = numbers.fetchone() or (1,)
        made = CandleFile(self.symbol, minutes, rows, IMPORTED_AT + timedelta(minutes=number), number, **more)
        for table, found in made.rows().items():
            stamp = {} if table == "archive_candles" else {"_dlt_load_id": load}
            raw.insert(self.connection, table, [{**row, **stamp} for row in found])
        return made

    def truth(self, minutes: int = 60, from_ns: int = FROM_NS, to_ns: int = TO_NS) -> list[Candle]:
        """The candles of what was traded in a stretch."""
        return candles(cut(self.trades, from_ns, to_ns), minutes)

    def snapshot(self, rows: Sequence[Candle], minutes: int = 60) -> None:
        """Kraken's OHLC answer of these candles."""
        for row in rows:
            raw.insert(
                self.connection,
                "rest_candles",
                [
                    {
                        **raw.rest_candle(
                            self.symbol,
                            {
                                "timeframe": MINUTES[minutes],
                                "bucket_start": str(raw.timestamp(row.bucket_start * SECOND)),
                                "open": row.open,
                                "high": row.high,
                                "low": row.low,
                                "close": row.close,
                                "vwap": row.open,
                                "base_volume": row.volume,
                                "trade_count": str(row.trades),
                                "fetched_at": "2024-02-01 00:00:00",
                            },
                        )
                    }
                ],
            )


def honest(market: Market) -> None:
    market.load()
    for minutes in MINUTES:
        rows = market.truth(minutes)
        market.file(rows, minutes, cuts=set(range(1, len(rows), 7)))


def figure_differs(market: Market) -> None:
    """One figure each of six candles."""
    market.load()
    rows = market.truth(1)
    for place, name in enumerate(Candle._fields[1:]):
        value = getattr(rows[place], name)
        other = value + 1 if name == "trades" else str(Decimal(value) + Decimal("0.01"))
        rows[place] = rows[place]._replace(**{name: other})
    market.file(rows, 1)


def volumes_are_float_sums(market: Market) -> None:
    """As far from the exact ones as Kraken's own sums are from each other; the last but one lacks a millionth."""
    market.load()
    rows = market.truth()
    for place, row in enumerate(rows):
        off = "-0.000001" if place == len(rows) - 2 else ("0.000000033", "-0.000000033")[place % 2]
        rows[place] = row._replace(volume=str(Decimal(row.volume) + Decimal(off)))
    market.file(rows)


def candle_left_out(market: Market) -> None:
    market.load()
    rows = market.truth()
    market.file(rows[:2] + rows[3:])


def candle_made_up(market: Market) -> None:
    """One in an hour in which nothing traded."""
    market.load()
    rows = market.truth()
    known = {row.bucket_start for row in rows}
    quiet = min(start for start in range(rows[0].bucket_start, rows[-1].bucket_start, 3600) if start not in known)
    market.file(sorted([*rows, Candle(quiet, "1", "1", "1", "1", "1", 1)]))


def file_ends_in_a_bucket(market: Market) -> None:
    market.load()
    busiest = max(market.truth(240), key=lambda row: row.trades).bucket_start * SECOND
    inside = [trade.time_ns for trade in market.trades if busiest <= trade.time_ns < busiest + 4 * HOUR]
    for minutes in MINUTES:
        market.file(market.truth(minutes, to_ns=inside[len(inside) // 2] + 1), minutes)


def last_bucket_is_wrong(market: Market) -> None:
    """It has fewer trades, and more volume."""
    market.load()
    rows = market.truth(1440)
    rows[-1] = rows[-1]._replace(trades=rows[-1].trades - 1, volume=str(Decimal(rows[-1].volume) + 1))
    market.file(rows, 1440)


def trade_too_many_where_the_file_ends(market: Market) -> None:
    """Ours of the last hour and day hold the last trade twice, which no end of a file explains."""
    rows = {minutes: market.truth(minutes) for minutes in (60, 1440)}
    last = cut(market.trades, FROM_NS, TO_NS)[-1]
    market.load()
    market.double(last)
    for minutes, made in rows.items():
        market.file(made, minutes)


def row_is_refused(market: Market) -> None:
    """Of a file that goes on behind it: nobody knows what it was."""
    market.load()
    market.file(market.truth(), refused={3, 4})


def newer_holds_older(market: Market) -> None:
    market.load()
    rows = market.truth()
    market.file([row._replace(close="0.01", low="0.01") for row in rows[1:-1]])
    market.file(rows)


def newer_overlaps_older(market: Market) -> None:
    """In their overlap the newer one counts, also in leaving out; but not where a row of it was refused."""
    rows = market.truth()
    market.file([row._replace(volume="1") for row in rows[:9]])
    market.file([row._replace(volume="2") for row in rows[2:4] + rows[5:7] + rows[8:]], refused={2})


def came_under_another_name(market: Market) -> None:
    other = Market(market.connection, "CALLEDOTHERWISE", market.trades)
    other.file(market.truth(), content_hash="the same")
    market.file(market.truth(), content_hash="the same", altname=other.symbol)


def was_cut_off(market: Market) -> None:
    """Parts without their load, parts without their file, rows without their part."""
    rows = market.truth()
    market.file(rows[:2], load="cut_off")
    unfinished = market.file(rows[2:4])
    market.connection.execute("delete from kraken_raw.archive_files where edition_id = ?", [unfinished.number])
    orphaned = market.file(rows[4:6], cuts={2})
    market.connection.execute("delete from kraken_raw.archive_parts where part_id = ?", [orphaned.number * 1000 + 1])


def best_of_three(market: Market) -> None:
    """Trades from candle 1 to within candle 3, which then is open; Kraken's answer over the last two."""
    rows = market.truth()
    market.load(rows[1].bucket_start * SECOND, rows[3].bucket_start * SECOND + HOUR // 2)
    market.file(rows)
    market.snapshot([row._replace(volume="7") for row in rows[-2:]])


def fuller_of_two(market: Market) -> None:
    """Kraken's answer over the last two candles, the first of which lacks a trade."""
    rows = market.truth()
    market.file(rows)
    market.snapshot([rows[-2]._replace(trades=rows[-2].trades - 1), rows[-1]])


def file_contradicts_the_answer(market: Market) -> None:
    """Kraken's answer lacks a trade of the first candle and has one more of the second.

    Of the third it lacks one, and the file has another close. The file has no fourth. The fifth is whole everywhere.
    """
    market.load()
    first, second, third, fourth, fifth, *others = market.truth()
    market.file([first, second, third._replace(close=third.low, open=third.low), fifth, *others])
    more = {"trades": second.trades + 1, "volume": str(Decimal(second.volume) + 1)}
    lacking = [row._replace(trades=row.trades - 1) for row in (first, third)]
    market.snapshot([lacking[0], second._replace(**more), lacking[1], fourth, fifth])


def nothing_else(market: Market) -> None:
    """No trades loaded."""
    for minutes in (60, 720):
        market.file(market.truth(minutes), minutes)


MARKETS: dict[str, Callable[[Market], None]] = {
    tell.__name__: tell
    for tell in (
        *(
            honest,
            figure_differs,
            volumes_are_float_sums,
            candle_left_out,
            candle_made_up,
            file_ends_in_a_bucket,
            last_bucket_is_wrong,
        ),
        *(
            trade_too_many_where_the_file_ends,
            row_is_refused,
            newer_holds_older,
            newer_overlaps_older,
            came_under_another_name,
            was_cut_off,
        ),
        *(best_of_three, fuller_of_two, file_contradicts_the_answer, nothing_else),
    )
}


def tape(name: str) -> list[Traded]:
    """The tape of a market; all trades carry ids."""
    found = of_tape(random_tape(name, random.Random(f"{name}!"), 2000, 0.2, idless=False))
    assert found[-1].time_ns > TO_NS, "the tape is too short"
    return [trade for trade in found if trade.time_ns < END]
