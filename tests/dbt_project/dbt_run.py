"""dbt in a process of its own, and what it says of each node."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Built:
    """A finished `dbt build`: its warehouse, exit code, output and manifest, and by name what came of each node."""

    warehouse: Path
    exit_code: int
    output: str
    status: dict[str, str]
    tests: dict[str, str]
    manifest: dict[str, Any]


def build(warehouse: Path, target: Path, *arguments: str) -> Built:
    """Run `dbt build` on the warehouse with the project's own profile, the unit tests left out."""
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "--no-use-colors", "build"]
    command += ["--project-dir", "dbt_project", "--profiles-dir", ".", "--show-all-deprecations"]
    command += ["--exclude-resource-type", "unit_test", "--exclude-resource-type", "exposure"]
    command += ["--target-path", str(target), "--log-path", str(target / "logs"), *arguments]
    environment = {**os.environ, "KRAKEN_CANDLES_WAREHOUSE": str(warehouse)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    results_file = target / "run_results.json"
    assert results_file.exists(), done.stdout + done.stderr
    results = json.loads(results_file.read_text())["results"]
    names = {result["unique_id"]: result["unique_id"].split(".")[2] for result in results}
    return Built(
        warehouse=warehouse,
        exit_code=done.returncode,
        output=done.stdout + done.stderr,
        status={names[result["unique_id"]]: result["status"] for result in results},
        tests={
            names[result["unique_id"]]: result["compiled_code"]
            for result in results
            if result["unique_id"].startswith("test.")
        },
        manifest=json.loads((target / "manifest.json").read_text()),
    )
