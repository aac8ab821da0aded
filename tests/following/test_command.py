"""The command in a process of its own, with a running clock: a line a round, other processes beside it, Ctrl-C."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

import duckdb
import pytest

from dlt_pipeline.cli import follow as cli_follow
from dlt_pipeline.cli.console import Console
from dlt_pipeline.common.exceptions import BadAnswerError
from dlt_pipeline.common.time import to_ns
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from dlt_pipeline.following.rounds import Round
from tests.conftest import Place


class Following:
    """A running `kraken-candles follow` and the lines that it has said."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def await_line(self, text: str, after: int = 0) -> int:
        """Wait for a line with the text behind the first `after` lines; return how many lines there are then."""
        for _ in range(2400):
            for number, line in enumerate(self.lines[after:], after + 1):
                if text in line:
                    return number
            assert self.process.poll() is None, self.lines
            time.sleep(0.1)
        raise AssertionError((text, self.lines))

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        code = self.process.wait(60)
        self._reader.join(10)
        return code


@contextmanager
def following(place: Place, *arguments: str) -> Iterator[Following]:
    process = subprocess.Popen(
        place.command("follow", *arguments),
        env=place.environment(PYTHONUNBUFFERED="1", SOURCES__KRAKEN__FOLLOW__FIRST_PAUSE_SECONDS="1"),
        cwd=place.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Following(process)
    finally:
        process.kill()
        process.wait()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_it_says_a_line_a_round_goes_on_after_a_lock_and_ends_by_ctrl_c(
    serve: Callable[..., LocalExchange], place: Place
) -> None:
    """A shorter run, test_hearing.py, shows the lines, and another signal that ends it."""
    clock = Clock()
    serve(SyntheticFeed(3, clock, days=0), clock)
    start = f"{clock.now():%Y-%m-%d}"
    with following(place, "MINA/GBP", "--start", start, "--every", "3", "--timeframes", "none") as running:
        count = running.await_line("; checked and published (")
        count = running.await_line("1 symbol covered to ", count)
        second = place.run("follow", "MINA/GBP")
        assert second.returncode == 1
        said = f"Error: Another follow is running (process {running.process.pid}); it keeps {place.warehouse}"
        assert said in second.stderr
        count = hold(place, running, count)
        running.await_line("; published (", count)
        assert running.end(signal.SIGINT) == 130
    said = "\n".join(running.lines)
    assert "Stopped. The same command goes on where it stopped." in said
    assert "Traceback" not in said
    assert "Warning" not in said


def hold(place: Place, running: Following, count: int) -> int:
    """Hold the warehouse as another process that writes would, until it is said."""
    while True:
        try:
            other = duckdb.connect(str(place.warehouse))
            break
        except duckdb.IOException:
            time.sleep(0.05)
    with other:
        return running.await_line("is in use by", count)


@pytest.mark.parametrize("once", [True, False])
def test_a_round_is_an_object_for_machines(
    once: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at = datetime(2026, 11, 8, 12, 0, 5, tzinfo=timezone.utc)
    failed = {"MINA/GBP": BadAnswerError("an answer")}
    done = Round(1, True, ("BTC/USD", "MINA/GBP"), at, 1.25, {"BTC/USD": 7}, {"BTC/USD": to_ns(at, "")}, {}, failed)

    def tell(*_: object, on_round: Callable[[Round], object], **__: object) -> Round:
        for _round in range(1 if once else 2):
            on_round(done)
        return done

    monkeypatch.setattr(cli_follow, "follow", tell)
    assert cli_follow.run_follow(Console(stderr=True), threading.Event(), done.symbols, once=once, as_json=True) == 1
    printed = capsys.readouterr()
    objects = [json.loads(printed.out)] if once else [json.loads(line) for line in printed.out.splitlines()]
    assert len(objects) == (1 if once else 2)
    for told in objects:
        assert told["ended_at"] == "2026-11-08T12:00:05Z"
        assert (told["is_fine"], told["is_check"], told["trouble"], told["red"]) == (False, True, None, None)
        assert [one["covered_to"] for one in told["symbols"]] == ["2026-11-08T12:00:05Z", None]
        assert [(one["trade_count"], one["error"]) for one in told["symbols"]] == [(7, None), (0, "an answer")]
    assert "MINA/GBP FAILED: an answer" in printed.err


def test_bad_input_is_exit_code_2(serve: Callable[..., LocalExchange], command: Callable[..., tuple[int, str]]) -> None:
    serve(SyntheticFeed(3, days=1))
    code, text = command("follow", "NO/SUCH", "--start", f"{Clock().now():%Y-%m-%d}")
    assert (code, text.startswith("Error: ")) == (2, True), text
    code, text = command("follow", "MINA/GBP")
    assert (code, "say the first day wanted with --start" in text) == (2, True), text
