"""What the built tables say of a job's range: is all of it proven, and does it equal Kraken's own candles."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dlt_pipeline.warehouse.database import open_warehouse

_COVERED: Final = """
    select coalesce(sum(least(to_ns, $end) - greatest(from_ns, $start)), 0)::bigint
    from (
        select symbol, covered_from_ns as from_ns, covered_to_ns as to_ns from kraken.coverage
        union all
        select symbol, gap_from_ns, gap_to_ns from kraken.gaps where is_accepted
    )
    where symbol = $symbol and from_ns < $end and to_ns > $start
"""
_GAPS: Final = """
    select reason, count(*) from kraken.gaps
    where symbol = $symbol and gap_from_ns < $end and gap_to_ns > $start and not is_accepted
    group by reason order by reason
"""
_CANDLES: Final = """
    select count(*), coalesce(sum(trade_count), 0)::bigint from kraken.candles
    where
        symbol = $symbol and timeframe = $timeframe and is_closed
        and bucket_start >= make_timestamp($start // 1000) and bucket_end <= make_timestamp($end // 1000)
"""
_REST: Final = """
    select coalesce(sum(compared_count), 0)::bigint
    from kraken.check_rest_summary
    where
        symbol = $symbol
        and bucket_on between make_timestamp($start // 1000)::date and make_timestamp($end // 1000)::date
"""
_DIFFERING: Final = """
    with faults as (
        select symbol, timeframe, bucket_start from kraken.check_rest_candles
        where bucket_status in ('differs', 'missing_here') and not is_accepted
        union all
        select symbol, timeframe, bucket_start from kraken.check_archive_candles
        where bucket_status in ('differs', 'missing_here', 'missing_there') and not is_accepted
    )
    select count(distinct (timeframe, bucket_start)) from faults
    where
        symbol = $symbol
        and bucket_start >= make_timestamp($start // 1000) and bucket_start < make_timestamp($end // 1000)
"""


@dataclass(frozen=True)
class RangeCheck:
    """What was found in [start, end) of a symbol: candles of the timeframe, their trades, REST candles compared."""

    candles: int
    trades: int
    compared: int
    differing: int
    unproven_ns: int
    gaps: tuple[tuple[str, int], ...]

    @property
    def is_sound(self) -> bool:
        """Whether all of the range is proven (or accepted as a gap) and no candle differs from Kraken's."""
        return not self.unproven_ns and not self.differing

    def trouble(self, symbol: str) -> str:
        """Say what is wrong, and the way out."""
        parts = []
        if self.unproven_ns:
            gaps = ", ".join(f"{count} {reason}" for reason, count in self.gaps) or "its ends are not covered"
            parts.append(
                f"{self.unproven_ns / 1e9:,.0f} s of the range are not proven (kraken.gaps: {gaps}); "
                f"`kraken-candles repair {symbol}` asks for them again"
            )
        if self.differing:
            parts.append(
                f"{self.differing:,} candles differ from Kraken's or are missing (kraken.check_rest_candles, "
                "kraken.check_archive_candles)"
            )
        return f"{symbol}: {'; '.join(parts)}."


def check_range(path: Path, symbol: str, start_ns: int, end_ns: int, timeframe: str) -> RangeCheck:
    """Read the built tables; `start_ns` inclusive, `end_ns` exclusive, UTC. The warehouse must be free for reading."""
    asked = {"symbol": symbol, "start": start_ns, "end": end_ns}
    with open_warehouse(path, read_only=True) as connection:
        (covered,) = connection.execute(_COVERED, asked).fetchall()[0]
        gaps = connection.execute(_GAPS, asked).fetchall()
        candles, trades = connection.execute(_CANDLES, {**asked, "timeframe": timeframe}).fetchall()[0]
        (compared,) = connection.execute(_REST, asked).fetchall()[0]
        (differing,) = connection.execute(_DIFFERING, asked).fetchall()[0]
    return RangeCheck(candles, trades, compared, differing, end_ns - start_ns - covered, tuple(gaps))
