"""A standalone Spark cluster on loopback: a master, and workers that have an address and a disk each."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_ADDRESSES = ("127.0.0.2", "127.0.0.3")
# What lives for minutes is compiled quickly rather than well.
SHORT_LIFE = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@dataclass(frozen=True)
class Cluster:
    """A running master (`spark://host:port`) and its workers: by address each one's process and folder."""

    master: str
    workers: dict[str, tuple[subprocess.Popen[bytes], Path]]

    def kill(self, address: str) -> None:
        """Kill a worker and its executors at once, and take its disk away, as when a machine dies."""
        process, disk = self.workers[address]
        _kill_tree(process)
        shutil.rmtree(disk)


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    try:
        tree = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    except psutil.NoSuchProcess:
        tree = []
    for each in tree:
        with suppress(psutil.NoSuchProcess):
            each.send_signal(signal.SIGKILL)
    process.wait()


def _free_port(address: str) -> int:
    with socket.socket() as listening:
        listening.bind((address, 0))
        port: int = listening.getsockname()[1]
        return port


def until(is_so: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait until it is so; AssertionError after as many seconds."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"waited {seconds:g} s for {what}"
        time.sleep(0.2)


def asked(url: str) -> Any:
    """Return what Spark answers there as JSON."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


@contextmanager
def thrift_server(folder: Path) -> Iterator[int]:
    """Run Spark's Thrift server with a catalog in the folder, as it comes; return its port."""
    import pyspark

    home, port = Path(pyspark.__file__).parent, _free_port("127.0.0.1")
    settings = {"spark.sql.warehouse.dir": folder / "tables", "spark.ui.enabled": "false"}
    hive = {"hive.server2.thrift.port": port, "hive.server2.thrift.bind.host": "127.0.0.1"}
    words = [
        *(home / "bin" / "spark-submit", "--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"),
        *("--master", "local[2]", "--driver-memory", "1g"),
        *(word for name, value in settings.items() for word in ("--conf", f"{name}={value}")),
        "spark-internal",
        *(word for name, value in hive.items() for word in ("--hiveconf", f"{name}={value}")),
    ]
    environment = {
        **os.environ,
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_SUBMIT_OPTS": SHORT_LIFE,
    }
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [str(word) for word in words], cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )

    def answers() -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    try:
        until(answers, "the Thrift server", 120)
        yield port
    finally:
        _kill_tree(process)


@contextmanager
def running(folder: Path, addresses: Sequence[str] = _ADDRESSES) -> Iterator[Cluster]:
    """Start it, a worker at each address, and end all of its processes in the end."""
    import pyspark

    home = Path(pyspark.__file__).parent
    port, page = _free_port("127.0.0.1"), _free_port("127.0.0.1")
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, address: str, kind: str, *arguments: object, **more: str) -> subprocess.Popen[bytes]:
        place = folder / name
        place.mkdir(parents=True)
        environment = {
            **os.environ,
            "SPARK_HOME": str(home),
            "SPARK_LOCAL_IP": address,
            "SPARK_LOCAL_DIRS": str(place),
            "SPARK_DAEMON_MEMORY": "512m",
            "SPARK_DAEMON_JAVA_OPTS": SHORT_LIFE,
            **more,
        }
        words = [home / "bin" / "spark-class", f"org.apache.spark.deploy.{kind}", "--host", address, *arguments]
        with (folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [str(word) for word in words], env=environment, stdout=log, stderr=log, start_new_session=True
            )
        started.append(process)
        return process

    def workers_there() -> int:
        try:
            return sum(worker["state"] == "ALIVE" for worker in asked(f"http://127.0.0.1:{page}/json/")["workers"])
        except (OSError, json.JSONDecodeError):  # Spark opens one page after another; till then another one answers
            return 0

    try:
        start("master", "127.0.0.1", "master.Master", "--port", port, "--webui-port", page)
        master = f"spark://127.0.0.1:{port}"
        workers = {}
        for address in addresses:
            options = ("--cores", 1, "--memory", "1g", "--work-dir", folder / address, "--webui-port", 0, master)
            workers[address] = (start(address, address, "worker.Worker", *options), folder / address)
        until(lambda: workers_there() == len(workers), "the workers to join the master", 120)
        yield Cluster(master, workers)
    finally:
        for process in started:
            _kill_tree(process)
