"""Readers beside writers: never an error, never a half state."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import pytest

from dlt_pipeline import publish
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from tests.conftest import ROOT, Place
from tests.publishing.made import Made
from tests.publishing.reader import look_at_database, look_at_tree


def start(module: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", f"tests.publishing.{module}", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@contextmanager
def reading(folder: Path, seen: dict[str, object], what: str = "made") -> Iterator[None]:
    """Let a reader look again and again meanwhile; what it saw is in `seen` afterwards."""
    stop = folder / "stop"
    process = start("reader", folder, stop, what)
    try:
        yield
    finally:
        stop.touch()
        said, _ = process.communicate(timeout=60)
    seen.update(json.loads(said))


@pytest.mark.timeout(120)
def test_a_reader_never_sees_an_error_or_a_half_state(published: Made) -> None:
    seen: dict[str, object] = {}
    with reading(published.path.parent, seen):
        writer = start("writer", published.path, 10)
        said, _ = writer.communicate(timeout=100)
    assert said.endswith("done\n")
    print(seen)
    assert seen["wrong"] == []
    assert int(str(seen["states"])) >= 3, "it looked while the states changed"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("times", [1, pytest.param(3, marks=pytest.mark.long)])
def test_two_publishes_at_once_take_turns(published: Made, times: int) -> None:
    """Both may read the warehouse, and neither may clear away what the other is writing."""
    command = "import sys; from dlt_pipeline import publish; publish(sys.argv[1]); publish(sys.argv[1])"
    for number in range(times):
        published.build(f"update made.minutes set volume = volume + {number + 1}")
        both = [subprocess.Popen([sys.executable, "-c", command, str(published.path)], cwd=ROOT) for _ in range(2)]
        assert [process.wait(60) for process in both] == [0, 0]
        look_at_tree(published.tree)
        look_at_database(published.published)
    assert publish(published.path).written == ()
    assert published.leftovers() == []


@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_reader_is_at_peace_during_loads_and_builds(serve: Callable[..., LocalExchange], place: Place) -> None:
    now = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)
    serve(SyntheticFeed(3, Clock(now), days=2), Clock(now))
    load = ("load", "MINA/GBP", "BONK/USD", "--timeframes", "1h", "--start")
    assert place.run(*load, "2026-11-07").returncode == 0
    assert place.run("build").returncode == 0
    seen: dict[str, object] = {}
    with reading(place.folder, seen, "any"):
        for arguments in ((*load, "2026-11-06"), ("build",)):
            done = place.run(*arguments)
            assert done.returncode == 0, done.stdout + done.stderr
    print(seen)
    assert seen["wrong"] == []
    assert int(str(seen["looked"])) > 10
