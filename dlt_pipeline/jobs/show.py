"""A price as people read it: a small table, and calls, time and bytes in words."""

from collections.abc import Sequence

from dlt_pipeline.console import Rows
from dlt_pipeline.estimate.price import Costs, Estimate, Total, total_of


def duration(seconds: float) -> str:
    """Return seconds as `45 s`, `12 min`, `3.4 h` or `12 days`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 99.5 * 3_600:
        return f"{seconds / 3_600:.1f} h"
    return f"{seconds / 86_400:.1f} days"


def size(count: float) -> str:
    """Return bytes as `12 kB`, `3.4 MB` or `5.6 GB`, by powers of ten as disks are sold."""
    for name, unit in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count / 1_000:.0f} kB"


def count(trades: int, is_approximate: bool) -> str:
    """Return a number of trades, marked where it is only about right."""
    return f"about {trades:,}" if is_approximate else f"{trades:,}"


def price_table(estimates: Sequence[Estimate], costs: Costs) -> Rows:
    """Return a row a symbol and a total; loads run side by side, so the slowest symbol is the total's time."""
    numbers = ("trades", "calls", "load", "warehouse", "published", "build")
    table = Rows("symbol", *numbers, numbers=numbers)
    for one in estimates:
        table.add(one.symbol, *_cells(one))
    table.add("total", *_cells(total_of(estimates, costs.jobs)), is_total=len(estimates) != 1)
    return table


def _cells(one: Estimate | Total) -> list[str]:
    return [
        count(one.trades, one.is_approximate),
        f"{one.calls:,}",
        duration(one.seconds),
        size(one.duckdb_bytes),
        size(one.parquet_bytes),
        duration(one.build_seconds),
    ]


def remarks(estimates: Sequence[Estimate], costs: Costs) -> list[str]:
    """Return what must be said beside the table, and how the figures came about."""
    found = []
    vague = [one.symbol for one in estimates if one.is_approximate]
    if vague:
        found.append(
            f"{', '.join(vague)}: Kraken gives no trade ids for a part of this time, so the number of trades is "
            "approximate: counted on a few pages spread over it, and by the density of time between them."
        )
    asked = sum(one.asked_calls for one in estimates)
    found.append(
        f"At {costs.seconds_per_call:.3g} s a call and pair, pairs side by side; the build is one core's work. "
        f"Asking for this took {asked} call{'' if asked == 1 else 's'}."
    )
    return found
