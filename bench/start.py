"""How long commands take that find nothing to do, over `python -c "import dlt"`: each a process, in turn."""

import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ratios import Figure, Run, print_figures, ratio, report, run_process, took

from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed

NOW = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)
_BOUNDS = {"--help": 0.5, "summary": 1, "build": 2, "load": 2}


def measure(folder: Path, rounds: int) -> list[Figure]:
    """Load and build a day of two pairs, then run each command on what stands."""
    command = [sys.executable, "-m", "dlt_pipeline"]
    start = ["--start", str((NOW - timedelta(days=1)).date()), "--end", str(NOW.date()), "--timeframes", "none"]
    arguments = {"--help": ["--help"], "summary": ["summary"], "build": ["build"]}
    arguments["load"] = ["load", "BTC/USD", "ETH/USD", *start]
    with LocalExchange(SyntheticFeed(1, Clock(NOW), days=1), Clock(NOW)) as exchange:
        settings = {
            "SOURCES__KRAKEN__BASE_URL": exchange.base_url,
            "SOURCES__KRAKEN__SECONDS_PER_CALL": "0",
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "DLT_DATA_DIR": str(folder / "dlt"),
            "KRAKEN_CANDLES_WAREHOUSE": str(folder / "warehouse.duckdb"),
        }
        for name in ("load", "build"):
            run_process([*command, *arguments[name]], cwd=folder, **settings)
        runs: dict[str, list[Run]] = {"import dlt": [], **{name: [] for name in _BOUNDS}}
        for _ in range(rounds):
            runs["import dlt"].append(run_process([sys.executable, "-c", "import dlt"], cwd=folder))
            for name in _BOUNDS:
                runs[name].append(run_process([*command, *arguments[name]], cwd=folder, **settings))
    report(runs)
    said = {"load": "a load with nothing new", "build": "a build with nothing new"}
    imported = runs["import dlt"]
    return [
        Figure(
            f"start: {said.get(name, f'`{name}`')} over `import dlt`",
            ratio(runs[name], imported),
            f"at most {bound}",
            detail=took(runs[name], imported),
        )
        for name, bound in _BOUNDS.items()
    ]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print_figures(measure(Path(place), rounds=5))
