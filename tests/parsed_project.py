"""The dbt project parsed once for all warehouses of the tests, where dbt would parse it anew for each path."""

import hashlib
import os
import pprint
import shutil
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

ROOT = Path(__file__).resolve().parents[1]


class ParsedProject:
    """What dbt's parse left, kept from one run of the tests to the next as long as the project is the same."""

    def __init__(self, kept: Path, folder: Path) -> None:
        """Parse the project unless `kept` has it; files for warehouses are written to `folder`."""
        folders = ("macros", "models", "seeds", "tests")  # target/ lies beside them, and changes with each build
        found = (path for folder in folders for path in (ROOT / "dbt_project" / folder).rglob("*.*"))
        files = [*sorted(found), ROOT / "dbt_project" / "dbt_project.yml"]
        texts = b"".join(str(path).encode() + path.read_bytes() for path in (*files, ROOT / "profiles.yml"))
        digest = hashlib.sha256(texts + version("dbt-core").encode() + version("dbt-duckdb").encode()).hexdigest()
        self._file = folder / "partial_parse.msgpack"
        self._path = kept / digest / "warehouse.duckdb"
        parsed = kept / digest / "partial_parse.msgpack"
        if not parsed.exists():
            for older in set(kept.iterdir()) - {parsed.parent}:
                shutil.rmtree(older, ignore_errors=True)
            self._parse(parsed)
        self._parsed = parsed.read_bytes()

    def of(self, warehouse: Path) -> Path:
        """Return the file for a warehouse; it holds until the next call."""
        self._file.write_bytes(self._parsed.replace(connection_hash(self._path), connection_hash(warehouse)))
        return self._file

    def _parse(self, parsed: Path) -> None:
        from dbt.cli.main import dbtRunner

        parsed.parent.mkdir(parents=True, exist_ok=True)
        options = [f"--project-dir={ROOT / 'dbt_project'}", f"--profiles-dir={ROOT}"]
        with (
            tempfile.TemporaryDirectory(dir=parsed.parent) as made,
            patch.dict(os.environ, {"KRAKEN_CANDLES_WAREHOUSE": str(self._path)}),
        ):
            flags = ["--quiet", "--log-level-file=none", f"--log-path={made}"]
            done = dbtRunner().invoke([*flags, "parse", *options, f"--target-path={made}"])
            assert done.success, done.exception
            (Path(made) / parsed.name).replace(parsed)  # another process of these tests may do the same


def connection_hash(warehouse: Path) -> bytes:
    """Return the hash that dbt makes of the connection to a warehouse."""
    settings = {**_settings(), "database": warehouse.stem, "path": str(warehouse)}
    return hashlib.sha256(pprint.pformat(sorted(settings.items())).encode()).hexdigest().encode()


@cache
def _settings() -> dict[str, Any]:
    profile = yaml.safe_load((ROOT / "profiles.yml").read_text())["kraken_candles"]["outputs"]["duckdb"]
    settings: dict[str, Any] = {
        "attach": None,
        "config_options": None,
        "disable_transactions": False,
        "extensions": None,
    }
    settings |= {"external_root": ".", "filesystems": None, "plugins": None, "remote": None}
    return settings | {"use_credential_provider": None, "schema": profile["schema"], "settings": profile["settings"]}
