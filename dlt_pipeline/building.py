"""dbt from Python: builds the project that the package carries in the warehouse."""

import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from dlt_pipeline.exceptions import NothingLoadedError, WarehouseError
from dlt_pipeline.warehouse import ENVIRONMENT_NAME, explain, has_trades, warehouse_path


def project_folder() -> Path:
    """Return the folder with profiles.yml and dbt_project/: inside the wheel, or the checkout."""
    packed = Path(str(files("dlt_pipeline"))) / "_project"
    return packed if packed.is_dir() else packed.parents[1]


def build(warehouse: str | Path | None = None, arguments: Sequence[str] = (), quiet: bool = False) -> bool:
    """Run `dbt build` (models and tests) on the warehouse; True if all is green.

    `arguments` go to dbt as they are, such as `("--select", "candles")`. dbt's logs and artifacts go to `target/`
    and `logs/` here. Raises NothingLoadedError before the first load, WarehouseLockedError if the file is in use.
    """
    # dbt takes seconds to import; only a build pays for it.
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    path = warehouse_path(warehouse)
    if not has_trades(path):
        raise NothingLoadedError(f"The warehouse {path} holds no trades yet; run `kraken-candles load` first.")
    os.environ[ENVIRONMENT_NAME] = str(path)
    folder = project_folder()
    here = Path.cwd()
    command = [
        *(["--quiet"] if quiet else []),
        "--log-path",
        str(here / "logs"),
        "build",
        "--project-dir",
        str(folder / "dbt_project"),
        "--profiles-dir",
        str(folder),
        "--target-path",
        str(here / "target"),
        *arguments,
    ]
    try:
        result = dbtRunner().invoke(command)
    finally:
        # dbt would hold the file as long as this process lives
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    if result.exception:
        known = explain(result.exception, path)
        raise known or WarehouseError(f"dbt could not run: {result.exception}") from result.exception
    return bool(result.success)
