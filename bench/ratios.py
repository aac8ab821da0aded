"""Runs ways in turn, round after round, and prints each one's median ratio to the first."""

import math
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """What one way took in one round: seconds by the clock and, of a process, of CPU, and peaks in bytes.

    `peak` is of memory, `spilled` of the files in the folder that was watched.
    """

    seconds: float
    cpu: float = 0.0
    peak: int = 0
    spilled: int = 0


Runs = dict[str, list[Run]]


@dataclass(frozen=True)
class Figure:
    """A measured figure: what it is, the value in its unit (x: a ratio), and the bound that it is to keep, if any.

    `bound` is as "at most 3" or "at least 1.5", in the figure's unit; `detail` says of what it was made.
    """

    what: str
    value: float
    bound: str = ""
    unit: str = "x"
    detail: str = ""

    @property
    def keeps(self) -> bool | None:
        """Whether it keeps its bound; None where it has none."""
        if not self.bound:
            return None
        _, side, limit = self.bound.split()
        return self.value <= float(limit) if side == "most" else self.value >= float(limit)


def compare(ways: Mapping[str, Callable[[], object]], rounds: int = 7) -> Runs:
    """Print, for each way, the median over the rounds of its time by the first way's time in the same round."""
    runs: Runs = {name: [] for name in ways}
    for way in ways.values():
        way()  # a warm-up that does not count
    for _ in range(rounds):
        for name, way in ways.items():
            began, used = time.perf_counter(), time.process_time()
            way()
            runs[name].append(Run(time.perf_counter() - began, time.process_time() - used))
    report(runs)
    return runs


def report(runs: Runs) -> None:
    first = next(iter(runs.values()))
    for name, spent in runs.items():
        ratios = [one.seconds / base.seconds for one, base in zip(spent, first, strict=True)]
        print(
            f"{name:32} {statistics.median(ratios):6.2f} x   (from {min(ratios):.2f} to {max(ratios):.2f}; "
            f"median {median(spent).seconds * 1000:,.1f} ms)",
            flush=True,
        )


def median(runs: Sequence[Run]) -> Run:
    """Return the medians of the seconds, and of all rounds the highest peaks."""
    return Run(
        statistics.median(run.seconds for run in runs),
        statistics.median(run.cpu for run in runs),
        max(run.peak for run in runs),
        max(run.spilled for run in runs),
    )


def ratio(of: Sequence[Run], by: Sequence[Run]) -> float:
    """Return the median over the rounds of one way's time by the other's in the same round."""
    return statistics.median(one.seconds / other.seconds for one, other in zip(of, by, strict=True))


def cpu_ratio(of: Sequence[Run], by: Sequence[Run]) -> float:
    """Return what `ratio` does, of CPU in place of time."""
    return statistics.median(one.cpu / other.cpu for one, other in zip(of, by, strict=True))


def mib(what: str, size: float, detail: str = "") -> Figure:
    """Return a figure of so many bytes."""
    return Figure(what, size / 2**20, unit="MiB", detail=detail)


def command(*arguments: object) -> list[object]:
    """Return the words that run one of our commands by this very Python."""
    return [sys.executable, "-m", "dlt_pipeline", *arguments]


def took(*runs: Sequence[Run]) -> str:
    """Return the medians of the seconds, as a detail of a figure."""
    return " and ".join(told_seconds(median(each).seconds) for each in runs)


def told_seconds(seconds: float) -> str:
    """Return seconds with three digits that tell."""
    return f"{seconds:,.{max(0, 2 - int(math.log10(max(seconds, 0.001)) // 1))}f} s"


def run_process(
    command: Sequence[object], cwd: Path | None = None, watched: Path | None = None, **settings: str
) -> Run:
    """Run the command to its end, silent, and watch how large a folder becomes; SystemExit where it fails."""
    words, environment = [str(word) for word in command], {**os.environ, **settings}
    spilled, peak, is_over = 0, 0, threading.Event()

    def watch() -> None:
        nonlocal spilled, peak
        while not is_over.wait(0.05):
            peak = max(peak, _peak_of(process.pid))
            spilled = max(spilled, size_of(watched) if watched else 0)

    watcher = threading.Thread(target=watch)
    began = time.perf_counter()
    with subprocess.Popen(
        words, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        watcher.start()
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    is_over.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(said)
    return Run(seconds, usage.ru_utime + usage.ru_stime, peak or usage.ru_maxrss * 1024, spilled)


def _peak_of(process: int) -> int:
    """Return the bytes of its memory at the peak so far, 0 where the system does not say or it has ended.

    What the system tells of an ended process is no less than what this one had when it started it.
    """
    try:
        said = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in said.splitlines() if line.startswith("VmHWM")), 0)


def size_of(folder: Path) -> int:
    """Return the bytes of a folder's files, those with several names once; files may vanish meanwhile."""
    sizes = {}
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                found = (Path(place) / name).stat()
                sizes[found.st_ino] = found.st_size
    return sum(sizes.values())


def print_figures(figures: Sequence[Figure]) -> None:
    for each in figures:
        kept = {None: "", True: "kept", False: "NOT KEPT"}[each.keeps]
        print(f"{each.value:10,.2f} {each.unit:4} {each.bound:14} {kept:9} {each.what} ({each.detail})")
