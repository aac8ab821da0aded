"""What all tests share: the recorded answers, a local exchange, and a load in a process of its own."""

import gc
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest
from filelock import FileLock
from hypothesis import settings

# How many examples each property is tried on; a property says nothing of it itself. A short run is the same each time,
# so that it fails for what was changed; a long one looks for what nobody met yet.
settings.register_profile("short", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=1_000, deadline=None)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "short")
settings.load_profile(PROFILE)

# A process of tests holds so much that Python's looking for garbage takes a tenth of a load's time.
gc.set_threshold(100_000, 50, 100)

ROOT = Path(__file__).resolve().parents[1]

QUICK = {"exchange", "streaming"}

# Databases and dlt wait for the disk at each of thousands of small commits; where there is room, tests' folders lie in
# memory. Docker gives a container 64 MB there, from which nothing can be run.
_MEMORY, _ROOM = Path("/dev/shm"), 4 * 2**30
if (
    "PYTEST_DEBUG_TEMPROOT" not in os.environ
    and os.access(_MEMORY, os.W_OK)
    and not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC
    and min(shutil.disk_usage(_MEMORY).free, psutil.virtual_memory().available) > _ROOM
):
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(_MEMORY)

small_disk = pytest.mark.skipif(
    shutil.which("unshare") is None
    or subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True).returncode != 0,
    reason="a small disk is made with a mount of its own, which this system does not allow",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what neither builds nor waits last: a file goes to one process whole, a slow one would run there alone."""
    items.sort(key=lambda item: item.path.parent.name in QUICK)


@pytest.fixture(scope="session")
def recorded_folder() -> Path:
    """Kraken's recorded answers; they lie beside the checkout and are no part of it."""
    folder = Path(os.environ.get("KRAKEN_CANDLES_RECORDED", ROOT.parent / "shared" / "data" / "recorded"))
    if not folder.is_dir():
        pytest.skip(f"the recorded answers are not at {folder}; set KRAKEN_CANDLES_RECORDED to their folder")
    return folder


Once = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Have a folder filled by the first process of this run that asks for it, and give each process its own copy."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def copy(name: str, fill: Callable[[Path], object]) -> Path:
        folder, partial = shared / name, shared / f"{name}.partial"
        with FileLock(shared / f"{name}.lock"):
            if not folder.exists():
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                fill(partial)
                partial.rename(folder)
        return Path(shutil.copytree(folder, tmp_path_factory.mktemp(name), dirs_exist_ok=True))

    return copy


@pytest.fixture(scope="session")
def parsed_project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Give dbt's file of the parsed project as if a build of the warehouse at a path had left it.

    To parse takes 6 s of CPU, a third of a test's build. dbt keeps the result beside a hash of the connection, for a
    model could ask for it; none of ours does. Where this hash is not the one that dbt finds, it parses.
    """
    from tests.parsed_project import ParsedProject

    return ParsedProject(request.config.cache.mkdir("parsed"), tmp_path_factory.mktemp("parsed")).of


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, parsed_project: Callable[[Path], Path]) -> None:
    """No test touches the user's dlt folder or warehouse, and none calls home."""
    monkeypatch.setenv("DBT_PARTIAL_PARSE_FILE_PATH", str(parsed_project(tmp_path / "warehouse.duckdb")))
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setenv("KRAKEN_CANDLES_WAREHOUSE", str(tmp_path / "warehouse.duckdb"))
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    monkeypatch.setenv("DBT_LOG_LEVEL_FILE", "none")  # nobody reads it, and writing it is a sixth of a small build
    monkeypatch.setenv("SOURCES__KRAKEN__SECONDS_PER_CALL", "0.001")
    for name in ("NO_PROXY", "no_proxy"):  # of who runs the tests behind one
        monkeypatch.setenv(name, "127.0.0.1,localhost")


@dataclass
class Place:
    """A folder with a warehouse, and the command line run in it."""

    folder: Path

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "dlt_pipeline", *arguments]

    def environment(self, **extra: str) -> dict[str, str]:
        return {**os.environ, "COLUMNS": "200", **extra}

    def run(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(**extra),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def chance() -> random.Random:
    """Random numbers of a test: in a short run the same each time, in a long one of a printed seed."""
    seed = random.SystemRandom().randrange(10**6) if PROFILE == "long" else 1
    print(f"seed: {seed}")
    return random.Random(seed)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Start local exchanges that live as long as the test; loads in this test go to the last one started."""
    from dlt_pipeline.exchange import LocalExchange

    running: list[LocalExchange] = []

    def start(feed: Any, clock: Any = None, **options: Any) -> LocalExchange:
        exchange = LocalExchange(feed, clock, **options)
        exchange.start()
        running.append(exchange)
        monkeypatch.setenv("SOURCES__KRAKEN__BASE_URL", exchange.base_url)
        return exchange

    yield start
    for exchange in running:
        exchange.stop()


@pytest.fixture
def parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds in this process take the project as it was parsed without the variables that only a run asks for."""
    from dlt_pipeline.warehouse import dbt
    from tests.parsed_project import KEPT

    run_dbt = dbt.run_dbt

    def run(path: Path, name: str, *arguments: str, **options: Any) -> Any:
        assert name == "build", "what parses must parse"
        return run_dbt(path, name, *arguments, **options, manifest=KEPT[0].manifest.deepcopy())

    monkeypatch.setattr(dbt, "run_dbt", run)


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds in this process make every model and run no data test: for tests of what comes of a build."""
    from dlt_pipeline.following import rounds
    from dlt_pipeline.warehouse import dbt

    run_dbt = dbt.run_dbt

    def run(path: Path, name: str, *arguments: str, **options: Any) -> Any:
        left_out = ("--exclude-resource-type", "test") if name == "build" else ()
        return run_dbt(path, name, *arguments, *left_out, **options)

    for module in (dbt, rounds):
        monkeypatch.setattr(module, "run_dbt", run)


@contextmanager
def held(path: Path, until: str = "input()", read_only: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has the file open, for writing unless it is told otherwise, until it has run `until`."""
    code = f"c = duckdb.connect({str(path)!r}, read_only={read_only}); print('held', flush=True); {until}"
    with subprocess.Popen(
        [sys.executable, "-c", f"import duckdb, time; {code}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        try:
            yield holder
        finally:
            holder.communicate(b"\n")


def object_in(text: str) -> Any:
    """What a command printed for machines, before what it said on stderr."""
    return json.JSONDecoder().raw_decode(text)[0]


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """Where this test's loads and builds go."""
    return tmp_path / "warehouse.duckdb"


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Any]]:
    """Run a command in this process; returns (exit code, stdout, stderr)."""
    from dlt_pipeline.cli import main

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["kraken-candles", *arguments])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        if "--json" in arguments and printed.out:
            json.loads(printed.out)  # and nothing else
        assert "Traceback" not in printed.out + printed.err
        return int(ended.value.code or 0), printed.out, printed.err

    yield run
    gc.enable()  # a build leaves it off, as its process ends
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def command(streams: Callable[..., Any]) -> Callable[..., Any]:
    """Run a command in this process; returns (exit code, all that was printed, on one line)."""

    def run(*arguments: str) -> tuple[int, str]:
        code, out, errors = streams(*arguments)
        return code, " ".join((out + errors).split())

    return run
