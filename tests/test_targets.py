"""What a build elsewhere needs is missed before it begins, in a sentence; with a Spark, tests/spark goes on."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.warehouse.targets import require_spark
from tests.dbt_project.dbt_run import ROOT
from tests.pages import blocks

PREFIX = "set:hiveconf:"


def java(folder: Path, said: str) -> Path:
    """A home of a Java that says this of itself."""
    path = folder / "home" / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    path.chmod(0o755)
    return path.parents[1]


@pytest.fixture
def nobody() -> int:
    """A port on which nobody answers."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            'openjdk version "11.0.2" 2019-01-15',
            r"newer, and .*/home/bin/java is Java 11: set JAVA_HOME to a newer one\.$",
        ),
        ('java version "1.8.0_292"', r"is Java 8: set"),
        ("not Java at all", r"is no Java that tells its version: set"),
        (None, r"newer, and there is none in JAVA_HOME \(.*\): install it, or set JAVA_HOME to it\.$"),
    ],
)
def test_java_that_is_old_or_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str | None, told: str
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path if said is None else java(tmp_path, said)))
    with pytest.raises(BadInputError, match=told):
        require_spark("spark")


def test_a_master_that_does_not_answer_is_no_minute_and_no_traceback(tmp_path: Path, nobody: int) -> None:
    home = java(tmp_path, 'openjdk version "21.0.1" 2023-10-17')
    master = f"spark://127.0.0.1:{nobody}"
    done = subprocess.run(
        [sys.executable, "-m", "dlt_pipeline", "build", "--target", "spark"],
        cwd=tmp_path,
        env={"JAVA_HOME": str(home), "KRAKEN_CANDLES_SPARK_MASTER": master, "PYTHONPATH": str(ROOT), "HOME": "/"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = f"Error: No Spark master answers at {master}: start it, or correct KRAKEN_CANDLES_SPARK_MASTER.\n"
    assert (done.returncode, done.stderr) == (2, said)


@pytest.mark.parametrize("master", ["spark://", "spark://host", "spark://host:port", "spark://a:1,b"])
def test_a_master_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, master: str) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path, 'openjdk version "17.0.1"')))
    monkeypatch.setenv("KRAKEN_CANDLES_SPARK_MASTER", master)
    with pytest.raises(BadInputError, match=r"a master is written as spark://host:7077\.$"):
        require_spark("spark")


def test_a_thrift_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, nobody: int) -> None:
    monkeypatch.setenv("KRAKEN_CANDLES_SPARK_PORT", str(nobody))
    with pytest.raises(BadInputError, match=f"answers at 127.0.0.1:{nobody}: start it, or correct "):
        require_spark("spark_thrift")
    monkeypatch.setenv("KRAKEN_CANDLES_SPARK_PORT", "1e4")
    with pytest.raises(BadInputError, match="KRAKEN_CANDLES_SPARK_PORT is '1e4'; it must be a port"):
        require_spark("spark_thrift")


def test_a_thrift_server_and_the_cluster_in_the_docs_are_told_what_a_session_is() -> None:
    (of_docs,) = [text for text in blocks("yaml") if "spark.master: spark://" in text]
    texts = (ROOT / "profiles.yml").read_text(), of_docs
    ours, theirs = (yaml.safe_load(text)["kraken_candles"]["outputs"] for text in texts)
    session, thrift = (ours[target]["server_side_parameters"] for target in ("spark", "spark_thrift"))
    of_sql = {
        name: value for name, value in session.items() if name.startswith("spark.sql.") and "warehouse" not in name
    }
    cluster = theirs["cluster"]["server_side_parameters"]
    sized = {"spark.sql.shuffle.partitions": cluster["spark.sql.shuffle.partitions"]}
    assert of_sql | sized == {name: cluster[name] for name in of_sql}
    # dbt-spark adds this one itself, under a name that the server passes over
    of_sql["spark.sql.ansi.enabled"] = "false"
    assert thrift == {f"{PREFIX}{name}": value for name, value in of_sql.items()}
