"""Runs ways in turn, round after round, and prints each one's median ratio to the first."""

import statistics
import time
from collections.abc import Callable


def compare(ways: dict[str, Callable[[], object]], rounds: int = 7) -> None:
    """Print, for each way, the median over the rounds of its time by the first way's time in the same round."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()  # a warm-up that does not count
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - began)
    first = next(iter(times.values()))
    for name, spent in times.items():
        ratios = [one / base for one, base in zip(spent, first, strict=True)]
        print(
            f"{name:32} {statistics.median(ratios):6.2f} x   (from {min(ratios):.2f} to {max(ratios):.2f}; "
            f"median {statistics.median(spent) * 1000:,.1f} ms)"
        )
