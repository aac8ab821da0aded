"""Builds elsewhere than in the warehouse: on Spark, or of a lake; what they need is looked for before dbt begins."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from dlt_pipeline.common.exceptions import BadInputError, WarehouseError
from dlt_pipeline.warehouse.dbt import NOT_BUILT, BuildResult, build_told, check_variables, dbt_folder, run_dbt

SESSION: Final = "spark"
THRIFT: Final = "spark_thrift"
MASTER: Final = "KRAKEN_CANDLES_SPARK_MASTER"
HOST: Final = "KRAKEN_CANDLES_SPARK_HOST"
PORT: Final = "KRAKEN_CANDLES_SPARK_PORT"
OTHER_TARGETS: Final = (SESSION, THRIFT, "duckdb_lake")
_LEAST_JAVA: Final = 17
_CALL: Final = re.compile(r"at \S+\(|JVM stacktrace|== SQL|> in macro|> called by|\S+\.\S+\(\S+\.(java|scala):\d+\)")
_WHERE: Final = re.compile(r"^dbt could not run: Compilation Error in operation \S+ \(\S+\) ")
_SECONDS: Final = (
    10.0  # for a machine to answer at all; Spark itself would try for a minute and then fail in its depths
)


def build_on(
    path: Path,
    target: str,
    arguments: Sequence[str],
    quiet: bool = False,
    on_node: Callable[[str, int, int], None] | None = None,
) -> BuildResult:
    """Run `dbt build` on another target, with dbt's own files here or beside `path`; see `run_build` for the rest.

    Raises BadInputError where Java, a package or the cluster is missing, WarehouseError where dbt cannot begin.
    """
    check_variables(arguments)
    if target in (SESSION, THRIFT):
        require_spark(target)
    kinds = [] if any("resource-type" in given for given in arguments) else NOT_BUILT
    flags = ["--log-level=none"] if quiet else []
    try:
        result = run_dbt(path, "build", "--target", target, *kinds, *arguments, flags=flags, on_node=on_node)
    except WarehouseError as error:
        raise WarehouseError(_without_calls(str(error))) from None
    if not getattr(result.result, "results", True):
        raise BadInputError(f"dbt found nothing to build with {' '.join(arguments)}.")
    return build_told(result, dbt_folder(path) / "logs" / "dbt.log", {})


def require_spark(target: str) -> None:
    """Raise BadInputError, with what to do, where a build on the target could not start."""
    if target == SESSION:
        _require_java()
        master = os.environ.get(MASTER, "")
        _require_answer(_machines(master), f"No Spark master answers at {master}", MASTER)
    else:
        host, port = os.environ.get(HOST) or "127.0.0.1", os.environ.get(PORT) or "10000"
        if not port.isdecimal():
            raise BadInputError(f"{PORT} is {port!r}; it must be a port, as 10000.")
        said = f"No Thrift server of Spark's answers at {host}:{port}"
        _require_answer([(host, int(port))], said, f"{HOST} and {PORT}")
    needed = ("dbt.adapters.spark", "pyspark") if target == SESSION else ("dbt.adapters.spark", "pyhive")
    for name in needed:
        if not _is_installed(name):
            package = name.replace("dbt.adapters.spark", "dbt-spark")
            raise BadInputError(
                f"The target {target} needs {package}, which is not installed: pip install 'kraken-candles[spark]'."
            )


def _require_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home, "bin")) if home else None)
    if java is None:
        where = f"in JAVA_HOME ({home})" if home else "on the PATH"
        raise BadInputError(
            f"Spark needs Java {_LEAST_JAVA} or newer, and there is none {where}: install it, or set JAVA_HOME to it."
        )
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    if found is None or int(found[1]) < _LEAST_JAVA:
        version = f"Java {found[1]}" if found else "no Java that tells its version"
        raise BadInputError(
            f"Spark needs Java {_LEAST_JAVA} or newer, and {java} is {version}: set JAVA_HOME to a newer one."
        )


def _machines(master: str) -> list[tuple[str, int]]:
    """Return the hosts and ports of a standalone master; none of others (local, yarn), which Spark finds itself."""
    if not master.startswith("spark://"):
        return []
    machines = [each.rpartition(":") for each in master.removeprefix("spark://").split(",")]
    if not all(host and port.isdecimal() for host, _, port in machines):
        raise BadInputError(f"{MASTER} is {master!r}; a master is written as spark://host:7077.")
    return [(host, int(port)) for host, _, port in machines]


def _require_answer(machines: Sequence[tuple[str, int]], said: str, setting: str) -> None:
    for machine in machines:
        with suppress(OSError), socket.create_connection(machine, timeout=_SECONDS):
            return
    if machines:
        raise BadInputError(f"{said}: start it, or correct {setting}.")


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # of a package above
        return False


def _without_calls(said: str) -> str:
    """Return what Spark or dbt says in one line, without where it was said and the calls that led there."""
    lines = [line.strip() for line in said.splitlines()]
    end = next((number for number, line in enumerate(lines) if _CALL.match(line)), len(lines))
    return _WHERE.sub("", " ".join(line for line in lines[:end] if line))
