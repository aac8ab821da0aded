"""What all commands share: the application, its console, logging, signals, and errors turned into sentences."""

import atexit
import difflib
import gc
import logging
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType
from typing import Annotated, Final, TypeVar

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")  # dlt logs tracebacks; we say a sentence
os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")

import typer
from rich.console import ConsoleRenderable
from rich.logging import RichHandler
from rich.text import Text

from dlt_pipeline.cli.console import STOPPED, Console
from dlt_pipeline.common import program
from dlt_pipeline.common.exceptions import (
    BadInputError,
    KrakenCandlesError,
    LoadStoppedError,
    LocalExchangeError,
    UnknownSymbolError,
)


def examples(*commands: str) -> str:
    """Return what stands below a command's help: the words behind `kraken-candles`, a line each."""
    return "\n\n".join(("Examples:", *(f"kraken-candles {each}" for each in commands)))


app = typer.Typer(
    epilog="Exit codes: 0 done, 1 failed or not as it should be, 2 wrong input, 130 stopped. `kraken-candles COMMAND "
    "--help` has examples; --install-completion completes commands and options in your shell.",
    help="Exact, proven candles from Kraken's raw trades: dlt loads, dbt builds and checks, DuckDB keeps.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
Json = Annotated[bool, typer.Option("--json", help="JSON for machines on stdout, and nothing else there.")]
_T = TypeVar("_T")
_LOGS: Final = 20  # files of this many runs are kept
_LOG_BYTES: Final = 10_000_000  # of a run that never ends, twice as much
_LOG_NAME: Final = re.compile(r"kraken-candles-\d{8}T\d{6}Z-\d+\.log(\.1)?")
_SAID: Final = 200
# Python looks for garbage at each 700 new objects, which takes a tenth of a start that makes so many and drops none.
_COLLECTIONS: Final = (100_000, 50, 100)
_PREFIX: Final = "KRAKEN_CANDLES_"
ENVIRONMENT: Final = (
    *("ARCHIVE_PASSWORD", "CORES", "EXPORTS", "KEEP_REPLACED_SECONDS", "KEEP_TRADES_DAYS", "LAKE", "LAKE_WAREHOUSE"),
    *("MEMORY", "PUBLISH_WAIT_SECONDS", "SEEDS", "SPARK_HOST", "SPARK_MASTER", "SPARK_PARTITIONS", "SPARK_PORT"),
    *("SPARK_UI", "SPARK_USER", "SPARK_WAREHOUSE", "THREADS", "WAREHOUSE"),
)


def out(as_json: bool = False) -> Console:
    """Return the console for what is said: stdout, or stderr where stdout is for an object.

    Made when needed, so that a redirected stdout is respected.
    """
    return Console(stderr=as_json)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if show_version:
        typer.echo(program())
        raise typer.Exit
    _check_environment()
    try:
        Path.cwd()
    except FileNotFoundError:  # dlt and dbt begin with it
        raise BadInputError("The working folder is gone; go to one that is there.") from None
    configure_logging()
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _check_environment() -> None:
    """Refuse a name that is nearly one of ours: it would change nothing. Others of the prefix are somebody else's."""
    for name in os.environ:
        suffix = name.removeprefix(_PREFIX)
        if suffix not in (name, *ENVIRONMENT):
            near = difflib.get_close_matches(suffix, ENVIRONMENT, n=1, cutoff=0.8)
            if near:
                raise BadInputError(f"The variable {name} is unknown; the nearest known one is {_PREFIX}{near[0]}.")


class _Lines(RichHandler):
    """A record is a line, which a terminal wraps; rich would break counts and paths at the width it takes a log for."""

    def render(self, *, record: logging.LogRecord, message_renderable: ConsoleRenderable, **_: object) -> Text:
        return Text.assemble(self.get_level_text(record), " ", str(message_renderable))


class _RunLog(RotatingFileHandler):
    """A file of this run beside dbt's log, begun with the first record: our warnings, and each request in a line.

    Where it cannot be written, the run goes on without.
    """

    def __init__(self) -> None:
        super().__init__(os.devnull, maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8", delay=True)
        self.path: Path | None = None
        self.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S"))
        self.formatter.converter = time.gmtime  # type: ignore[union-attr]

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and a traceback behind it, without passwords of addresses."""
        return _without_password(super().format(record))

    def _open(self) -> TextIOWrapper:
        if self.path is None:
            from dlt_pipeline.warehouse.database import warehouse_path  # noqa: PLC0415 - it imports DuckDB
            from dlt_pipeline.warehouse.dbt import dbt_folder  # noqa: PLC0415

            folder = dbt_folder(warehouse_path(None)) / "logs"
            folder.mkdir(exist_ok=True)
            with suppress(FileNotFoundError):  # another run may do the same
                ours = [each for each in folder.iterdir() if _LOG_NAME.fullmatch(each.name)]
                older = sorted(ours, key=lambda each: each.stat().st_mtime)
                for each in older[: max(0, len(older) + 1 - _LOGS)]:
                    each.unlink()
            self.path = folder / f"kraken-candles-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}.log"
            self.baseFilename = str(self.path)
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's name
        """Give the log up."""
        self.path = None
        logging.getLogger("dlt_pipeline").removeHandler(self)


def configure_logging() -> None:
    """Show our own warnings as lines, and keep them and each request in a file; dlt's and dbt's chatter stays out."""
    logger = logging.getLogger("dlt_pipeline")
    for handler in logger.handlers:
        handler.close()
    lines = _Lines(logging.INFO, Console(stderr=True), show_time=False, show_path=False, markup=False)
    logger.handlers = [lines, _RunLog()]
    logger.setLevel(logging.DEBUG)
    logger.propagate = False


def stop_on_signals() -> threading.Event:
    """Return an event that the first Ctrl-C (or SIGTERM) sets; a second one ends the process at once."""
    stop = threading.Event()

    def hear(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os.write(2, b"\nEnded at once; what was committed stays, and the same command resumes.\n")
            os._exit(STOPPED)
        stop.set()

    signal.signal(signal.SIGINT, hear)
    signal.signal(signal.SIGTERM, hear)
    return stop


def _guarded(run: Callable[[], _T]) -> _T:
    try:
        return run()
    except SystemExit as error:
        if isinstance(getattr(error.__context__, "__cause__", None), KeyboardInterrupt):
            Console(stderr=True).print("Stopped.")
        if isinstance(error.__context__, BrokenPipeError) and "--help" in sys.argv:
            raise SystemExit(0) from error  # its reader has seen enough, and nothing was left undone
        raise
    except LoadStoppedError as error:
        Console(stderr=True).print(str(error), markup=False)
        raise SystemExit(STOPPED) from error
    except KrakenCandlesError as error:
        Console(stderr=True).print(f"Error: {error}", markup=False)
        is_input = isinstance(error, BadInputError | UnknownSymbolError | LocalExchangeError)
        raise SystemExit(2 if is_input else 1) from error
    except BrokenPipeError:
        raise
    except Exception as error:
        log = _kept(error)
        if log is None:
            sys.stderr.write(_without_password(traceback.format_exc()))
            raise SystemExit(1) from error
        said = " ".join(_without_password(f"{type(error).__name__}: {error}").split())[:_SAID]
        Console(stderr=True).print(
            f"Error: something that this program does not know went wrong ({said}); what was committed is safe, and "
            f"{log} says where it happened. If the same command ends so again, report it with that file.",
            markup=False,
        )
        raise SystemExit(1) from error


def _kept(error: Exception) -> Path | None:
    """Write where an error happened into the log of this run; return that file, None where there is none."""
    from dlt_pipeline.warehouse.dbt import keep_temporary_folder  # noqa: PLC0415 - it imports DuckDB

    logger = logging.getLogger("dlt_pipeline")
    logger.debug("unknown error", exc_info=error)
    keep_temporary_folder()  # the log may lie there
    return next((handler.path for handler in logger.handlers if isinstance(handler, _RunLog)), None)


def _without_password(text: str) -> str:
    from dlt_pipeline.kraken.settings import without_password  # noqa: PLC0415 - it imports dlt

    return without_password(text)


def main() -> None:
    """Run the command line; exit code 0 done, 1 failed, 2 wrong input, 130 stopped by the user."""
    gc.set_threshold(*_COLLECTIONS)
    try:
        _guarded(app)
    finally:
        _flush()


def process() -> None:
    """Run the command line as a process of its own, which ends with it.

    Python would look through all modules for garbage first, a fifth of a load that finds nothing new; and DuckDB would
    tell of each object that is not removed by then, as beside pyspark.
    """
    sys.meta_path.insert(0, _WithoutPandas)
    try:
        main()
        code: object = None
    except SystemExit as ended:
        code = ended.code
    threading._shutdown()  # type: ignore[attr-defined] # Python waits so for threads that are no daemons
    atexit._run_exitfuncs()
    _flush()
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


class _WithoutPandas:
    """pyarrow imports pandas, a fifth of a short load's CPU, to see whether a list is its array; none ever is."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No command uses {name}.", name=name)


def _flush() -> None:
    """Let go of a stdout whose reader is gone, before Python finds it when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
