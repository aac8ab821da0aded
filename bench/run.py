"""Runs the benches that keep bounds, or those named, and writes docs/benchmarks.md and bench/figures.json.

    make bench                        all of them
    make bench BENCH="start page"     these alone; the figures of the others stay

Ways run in turn in one run, medians of at least five rounds, so that a busy machine slows all of them. Sizes are those
of the bounds; `--quick` runs small ones once, to see that all of it works, and writes nothing.
"""

import argparse
import importlib
import json
import os
import platform
import tempfile
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ratios import Figure, print_figures

_ROOT = Path(__file__).parents[1]
_FIGURES = _ROOT / "bench" / "figures.json"
_PAGE = _ROOT / "docs" / "benchmarks.md"
_VERSIONS = ("duckdb", "dbt-core", "dlt", "pyarrow", "freqtrade", "pandas", "polars", "numba", "ccxt")


@dataclass(frozen=True)
class Bench:
    """A module's `measure` (or another function): of a folder and its sizes it returns figures."""

    module: str
    sizes: tuple[Any, ...] = (False,)
    quick: tuple[Any, ...] = (True,)
    function: str = "measure"

    def run(self, folder: Path, is_quick: bool) -> list[Figure]:
        """Measure; only now the module, which may take seconds, is imported."""
        measure = getattr(importlib.import_module(self.module), self.function)
        figures: list[Figure] = measure(folder, *(self.quick if is_quick else self.sizes))
        return figures


BENCHES = {
    "rivals": Bench("rivals", (10_000_000, 5), (500_000, 1)),
    "large": Bench("rivals", (50_000_000, 5), (600_000, 1)),
    "thin": Bench("rivals", (1_000, 10_000_000, 5), (10, 50_000, 1), "measure_thin"),
    "days": Bench("one_more_day", ([1, 10, 95], 2_000_000, 20, 5), ([1, 2], 50_000, 2, 1)),
    "page": Bench("page_cost", (30,), (2,)),
    "load": Bench("load_share"),
    "symbols": Bench("side_by_side"),
    "archive": Bench("archive_import"),
    "sizes": Bench("price_of_a_trade"),
    "memory": Bench("memory"),
    "start": Bench("start", (5,), (1,)),
}
_HEAD = """# How fast it is

Measured by `make bench`, which writes this page: ways in turn in one run on the same invented trades, medians of at
least five rounds, but `symbols`, `sizes` and the full refreshes of `days`, which ran once; a figure of one more day is
the median of five days in succession. Ratios say more than seconds, which are those of one machine; a bound is what we
want to keep. Each rival runs through its own public code and does less: none keeps decimals, proves that no trade is
missing, or compares with Kraken's own candles. Our whole build is all of it: nine timeframes, all checks, the files
published.
"""


def machine() -> str:
    """Return in a line what all was measured on."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    packages = ", ".join(f"{name} {version(name)}" for name in _VERSIONS)
    return f"{os.cpu_count()} cores ({cpu}), Python {platform.python_version()}; {packages}"


def page_of(measured: dict[str, dict[str, Any]]) -> str:
    """Return the page of all figures, of whenever they are."""
    lines = [_HEAD]
    for name in BENCHES:
        if name not in measured:
            continue
        bench = measured[name]
        lines += [f"## {name}", "", f"{bench['measured_on']}, {bench['machine']}.", ""]
        lines += ["| what | measured | bound | kept | medians |", "|---|---:|---|---|---|"]
        for row in bench["figures"]:
            figure = Figure(**row)
            kept = {None: "", True: "yes", False: "**no**"}[figure.keeps]
            digits = 2 if figure.unit == "x" else 1 if figure.value < 100 else 0
            value = f"{figure.value:,.{digits}f}"
            lines.append(f"| {figure.what} | {value} {figure.unit} | {figure.bound} | {kept} | {figure.detail} |")
        lines.append("")
    if missing := [name for name in BENCHES if name not in measured]:
        lines += [f"Not measured yet: {', '.join(missing)} ([what they ask](../bench/README.md)).", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}; none: all")
    parser.add_argument("--quick", action="store_true", help="small sizes, one round, nothing written")
    chosen = parser.parse_args()
    if unknown := sorted(set(chosen.names) - BENCHES.keys()):
        parser.error(f"there is no bench {unknown[0]}; there are {', '.join(BENCHES)}")
    measured = json.loads(_FIGURES.read_text()) if _FIGURES.exists() else {}
    described = "" if chosen.quick else machine()  # what lacks a rival fails now, and not after an hour
    for name in chosen.names or BENCHES:
        print(f"\n{name}", flush=True)
        with tempfile.TemporaryDirectory() as place:
            figures = BENCHES[name].run(Path(place), chosen.quick)
        print_figures(figures)
        if not chosen.quick:
            measured[name] = {
                "measured_on": str(datetime.now(timezone.utc).date()),
                "machine": described,
                "figures": [asdict(figure) for figure in figures],
            }
            _FIGURES.write_text(json.dumps(measured, indent=1) + "\n")
            _PAGE.write_text(page_of(measured))


if __name__ == "__main__":
    main()
