"""A costly load is asked about before anything begins; a script says --yes."""

import os
import pty
import re
import select
import subprocess
from collections.abc import Callable
from dataclasses import replace

import pytest

from dlt_pipeline.cli.console import Console
from dlt_pipeline.cli.estimate import cheaper_ways, confirm
from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.time import to_ns
from dlt_pipeline.estimates.price import Costs, Estimate, load_job_settings, price_trades
from dlt_pipeline.exchange import LocalExchange
from dlt_pipeline.kraken.settings import load_settings
from tests.conftest import Place
from tests.loading.quick import NOW_NS
from tests.truth import loaded_trades

Command = Callable[..., tuple[int, str]]
LOAD = ("load", "BTC/USD", "MINA/GBP", "--start", "2026-11-06", "--timeframes", "none")
FEW_CALLS = {"SOURCES__KRAKEN_JOBS__WARN_CALLS": "6"}


def on_a_terminal(place: Place, typed: bytes, *arguments: str, **extra: str) -> tuple[int, str]:
    """Run a command on a pseudo-terminal and type something once it asks; returns its exit code and what it wrote."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        place.command(*arguments),
        cwd=place.folder,
        env=place.environment(TERM="xterm", **extra),
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # noqa: PLW1509 - it hears this one's Ctrl-C
    )
    os.close(follower)
    written, is_typed = b"", False
    while True:
        # Ctrl-C may fall into a moment in which Python cannot raise it; a person would press it again.
        if is_typed and not select.select([leader], [], [], 5)[0]:
            os.write(leader, typed)
            continue
        try:
            part = os.read(leader, 65536)
        except OSError:  # Linux ends a pseudo-terminal with an error
            break
        if not part:
            break
        written += part
        if not is_typed and b"[y/N]" in written:
            is_typed = True
            os.write(leader, typed)
    os.close(leader)
    return process.wait(), re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())


def test_without_a_terminal_a_costly_load_stops_with_a_sentence(exchange: LocalExchange, place: Place) -> None:
    done = place.run(*LOAD, **FEW_CALLS)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "BTC/USD" in done.stdout
    assert "more than the 6 calls or 1.0 GB that go without asking" in " ".join(done.stderr.split())
    assert "Say --yes to load it." in " ".join(done.stderr.split())
    assert not place.warehouse.exists()
    assert not (place.folder / "dlt").exists(), "nothing was begun"


def test_yes_loads_and_what_is_loaded_is_not_asked_about_again(
    exchange: LocalExchange, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in FEW_CALLS.items():
        monkeypatch.setenv(name, value)
    code, first = command(*LOAD, "--yes")
    assert code == 0, first
    code, again = command(*LOAD)
    assert code == 0, again
    assert "BTC/USD: nothing new" in again
    assert "published" not in again, "no price was shown"
    assert "published" in first


def test_many_bytes_are_asked_about_too(
    exchange: LocalExchange, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN_JOBS__WARN_BYTES", "10000")
    code, said = command(*LOAD)
    assert (code, "or 10 kB that go without asking" in said) == (2, True), said


@pytest.mark.parametrize(
    ("typed", "code"), [pytest.param(b"n\n", 130, marks=pytest.mark.long), (b"\n", 130), (b"\x03", 130), (b"y\n", 0)]
)
def test_on_a_terminal_the_user_decides(exchange: LocalExchange, place: Place, typed: bytes, code: int) -> None:
    ended, text = on_a_terminal(place, typed, *LOAD, **FEW_CALLS)
    assert ended == code, text
    assert re.search(r"Load it for \d+ calls, \d+ s and [\d.]+ [kM]B\? \[y/N\]", text)
    assert "Traceback" not in text
    if code:
        assert "Nothing was loaded." in text
        assert not place.warehouse.exists()
    else:
        assert loaded_trades(place.warehouse, "MINA/GBP")


def estimates(trades: int, start: str, end: str | None) -> list[Estimate]:
    costs = Costs(load_settings(), load_job_settings())
    bounds = (to_ns(start, "The start"), None if end is None else to_ns(end, "The end"))
    return [price_trades(costs, "BTC/USD", bounds, [trades], days=1.0)]


def test_the_limits_are_of_all_symbols_together() -> None:
    one = estimates(300_000, "2026-11-06", None)[0]
    two = [one, replace(one, symbol="ETH/USD")]
    quiet = Console()
    quiet.quiet = True
    assert confirm(quiet, [one], False, False), "303 calls go without asking"
    with pytest.raises(BadInputError, match=r"This load takes 60\d calls"):
        confirm(quiet, two, False, False)
    assert confirm(quiet, two, True, False)
    assert confirm(quiet, two, False, True, ask=lambda question: "60" in question)
    assert not confirm(quiet, two, False, True, ask=lambda _: False)


@pytest.mark.parametrize(
    ("start", "end", "rest", "archive"),
    [
        ("2026-11-08T02:00", None, "1m, 5m, 15m, 30m, 1h, 4h", None),
        ("2026-11-01", "2026-11-08", "30m, 1h, 4h, 1d, 1w", None),
        ("2024-01-01", "2024-06-01", "1w, 15d", "all of this time"),
        ("2014-01-01", "2014-06-01", "1w, 15d", "all of this time"),
        ("2012-01-01", None, "15d", "this time up to 2026-10-01"),
        ("2026-09-30", "2026-10-01", "4h, 1d", "all of this time"),
        ("2026-10-01", "2026-10-02", "4h, 1d", None),
    ],
)
def test_cheaper_ways_are_named_where_they_reach(start: str, end: str | None, rest: str, archive: str | None) -> None:
    """The clock says 2026-11-08 12:34:56: 719 committed candles of 1m reach back 12 hours, the archives to October."""
    text = " ".join(cheaper_ways(estimates(10**6, start, end), NOW_NS))
    assert f"Kraken's own candles of {rest} will do" in text
    assert ("ZIP downloads" in text) == (archive is not None)
    assert archive is None or f"hold {archive}" in text
