"""The dbt project parsed once for all warehouses of the tests, where dbt would parse it anew for each path."""

import hashlib
import os
import pprint
import shutil
import tempfile
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from filelock import FileLock
from jinja2 import Template

from dlt_pipeline.warehouse.lean_dbt import lean_dbt

ROOT = Path(__file__).resolve().parents[1]


KEPT: list["ParsedProject"] = []  # that of this run of the tests


class ParsedProject:
    """What dbt's parse left, kept from one run of the tests to the next as long as the project is the same."""

    def __init__(self, kept: Path, folder: Path) -> None:
        """Parse the project unless `kept` has it; files for warehouses are written to `folder`."""
        # target/ lies beside them, and changes with each build
        folders = ("macros", "models", "seeds", "market_seeds", "tests")
        found = (path for folder in folders for path in (ROOT / "dbt_project" / folder).rglob("*.*"))
        files = [*sorted(found), ROOT / "dbt_project" / "dbt_project.yml"]
        texts = b"".join(str(path).encode() + path.read_bytes() for path in (*files, ROOT / "profiles.yml"))
        digest = hashlib.sha256(texts + version("dbt-core").encode() + version("dbt-duckdb").encode()).hexdigest()
        self._file = folder / "partial_parse.msgpack"
        self._path = kept / digest / "warehouse.duckdb"
        parsed = kept / digest / "partial_parse.msgpack"
        with FileLock(kept.with_name("parsed.lock")):  # the other processes of these tests want the same
            if not parsed.exists():
                for older in set(kept.iterdir()) - {parsed.parent}:
                    shutil.rmtree(older, ignore_errors=True)
                self._parse(parsed)
        self._parsed = parsed.read_bytes()
        assert connection_hash(self._path) in self._parsed, (
            "dbt hashes connections otherwise, and would parse each time"
        )
        KEPT[:] = [self]

    @cached_property
    def manifest(self) -> Any:
        """The parsed project itself; a run changes it, so give each a copy."""
        parsed = self._file.with_name("kept.msgpack")  # another run may put a newer one in the place of what is kept
        parsed.write_bytes(self._parsed)
        return self._invoke(self._file.parent / "target", parsed=parsed)

    def of(self, warehouse: Path) -> Path:
        """Return the file for a warehouse; it holds until the next call."""
        self._file.write_bytes(self._parsed.replace(connection_hash(self._path), connection_hash(warehouse)))
        return self._file

    def _parse(self, parsed: Path) -> None:
        parsed.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parsed.parent) as made:
            self._invoke(Path(made))
            (Path(made) / parsed.name).replace(parsed)

    def _invoke(self, target: Path, parsed: Path | None = None) -> Any:
        from dbt.cli.main import dbtRunner

        flags = ["--quiet", "--log-level-file=none", f"--log-path={target}"]
        flags += [f"--partial-parse-file-path={parsed}"] if parsed else []
        options = [f"--project-dir={ROOT / 'dbt_project'}", f"--profiles-dir={ROOT}", f"--target-path={target}"]
        with patch.dict(os.environ, {"KRAKEN_CANDLES_WAREHOUSE": str(self._path)}), lean_dbt():
            done = dbtRunner().invoke([*flags, "parse", *options])
        assert done.success, done.exception
        return done.result


def connection_hash(warehouse: Path) -> bytes:
    """Return the hash that dbt makes of the connection to a warehouse."""
    settings = {**_settings(), "database": warehouse.stem, "path": str(warehouse)}
    return hashlib.sha256(pprint.pformat(sorted(settings.items())).encode()).hexdigest().encode()


@cache
def _settings() -> dict[str, Any]:
    text = Template((ROOT / "profiles.yml").read_text()).render(env_var=os.environ.get)
    profile = yaml.safe_load(text)["kraken_candles"]["outputs"]["duckdb"]
    settings: dict[str, Any] = {
        "attach": None,
        "config_options": None,
        "disable_transactions": False,
        "extensions": None,
    }
    settings |= {"external_root": ".", "filesystems": None, "plugins": None, "remote": None}
    return settings | {"use_credential_provider": None, "schema": profile["schema"], "settings": profile["settings"]}
