"""`kraken-candles publish`, and publishing after a build: what is said, with which exit code."""

import re
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import filelock
import pytest

from dlt_pipeline import load
from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from dlt_pipeline.warehouse.dbt import partial_argument, run_dbt
from tests.conftest import Place, held, object_in, small_disk
from tests.publishing.made import Made

Command = Callable[..., tuple[int, str]]
NOW = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)


@pytest.fixture
def publish(command: Command, place: Place, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Publish with other settings; returns (exit code, all that was printed)."""
    monkeypatch.chdir(place.folder)

    def run(**extra: str) -> tuple[int, str]:
        with monkeypatch.context() as other:
            for name, value in extra.items():
                other.setenv(name, value)
            return command("publish")

    return run


def test_it_says_what_was_written_and_where(made: Made, publish: Command, command: Command) -> None:
    code, text = publish()
    assert (code, text) == (
        0,
        f"Published: 16 partitions written, 0 unchanged; {made.published} and {made.tree} "
        "Next: `kraken-candles report`, `kraken-candles export --help`.",
    )
    made.build("delete from made.minutes where symbol = 'ETH/USD' and source = 'rest'")
    (made.tree / "notes.txt").touch()
    code, text = publish()
    assert code == 0
    assert "0 partitions written, 12 unchanged, 4 removed;" in text
    assert (
        f"1 files there are not ours, and readers of the tree would read them too: move {made.tree}/notes.txt" in text
    )
    told = object_in(command("publish", "--json")[1])
    assert (told["written_count"], told["unchanged_count"], told["removed_count"]) == (0, 12, 0)
    assert (told["database"], told["strange"]) == (str(made.published), [f"{made.tree}/notes.txt"])


def test_before_the_first_load_or_build_it_says_what_to_do(place: Place, publish: Command) -> None:
    code, text = publish()
    assert (code, "is not there yet; run `kraken-candles load` and `build` first" in text) == (1, True), text
    duckdb.connect(str(place.warehouse)).close()
    code, text = publish()
    assert (code, "has no kraken.export_partitions to publish from; run `kraken-candles build`" in text) == (1, True)
    assert not (place.folder / "published.duckdb").exists()


def test_a_warehouse_in_use_is_named_with_its_holder(published: Made, publish: Command) -> None:
    before = published.files()
    with held(published.path) as holder:
        code, text = publish(KRAKEN_CANDLES_PUBLISH_WAIT_SECONDS="0")
    assert code == 1
    assert f"The warehouse {published.path} is in use by" in text
    assert f"(process {holder.pid})" in text
    assert published.files() == before
    assert published.leftovers() == []


def test_it_waits_for_a_warehouse_that_is_soon_free(made: Made, place: Place) -> None:
    with held(made.path) as holder:
        process = subprocess.Popen(place.command("publish"), env=place.environment(), stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        assert "in use by another process; waiting for it" in process.stderr.readline()
        assert holder.stdin is not None
        holder.stdin.write(b"\n")
        holder.stdin.flush()
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert len(made.files()) == 16


def test_another_publish_that_does_not_end(published: Made, place: Place) -> None:
    with filelock.FileLock(published.exports / ".lock"):
        done = place.run("publish", KRAKEN_CANDLES_PUBLISH_WAIT_SECONDS="0.1")
    assert (done.returncode, "Another publish is writing into" in done.stderr) == (1, True), done


@pytest.mark.parametrize("place_of_file", ["exports", "exports/candles", "exports/.versions"])
def test_a_file_where_a_folder_should_be(made: Made, publish: Command, place_of_file: str) -> None:
    path = made.path.parent / place_of_file
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    code, text = publish()
    assert code == 1
    assert str(made.exports) in text
    told = ("is a file", "What was published before stays readable", "set KRAKEN_CANDLES_EXPORTS to a place that can")
    assert any(each in text for each in told)
    assert path.read_text() == "mine"
    assert not made.published.exists()


def test_a_setting_that_is_no_number(made: Made, publish: Command) -> None:
    code, text = publish(KRAKEN_CANDLES_KEEP_REPLACED_SECONDS="ten")
    assert (code, "KRAKEN_CANDLES_KEEP_REPLACED_SECONDS is 'ten'; it must be a number" in text) == (2, True), text


@small_disk
def test_a_full_disk_is_said_and_once_there_is_space_the_same_command_goes_on(made: Made, place: Place) -> None:
    made.build(
        "insert into made.minutes "
        "select * exclude (month) replace (started + month * interval 1 month as started, random() as price) "
        "from made.minutes, range(1, 60) as m (month)"
    )
    disk = made.path.parent / "disk"
    disk.mkdir()
    command = " ".join(place.command("publish"))
    script = f"""
        mount -t tmpfs -o size=400k tmpfs {disk}
        {command}; echo "first: $?"
        find {disk} -name '.partial' -o -name '*.partial' | sed 's/^/left: /'
        mount -o remount,size=100m {disk}
        {command}; echo "second: $?"
        cp -r {disk} {made.path.parent}/copied
    """
    environment = place.environment(KRAKEN_CANDLES_EXPORTS=str(disk / "exports"))
    done = subprocess.run(["unshare", "-rm", "bash", "-c", script], env=environment, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert "first: 1" in said, said
    assert f"No space is left to publish into {disk}/exports" in said
    assert "Traceback" not in said
    assert "left: " not in said
    assert "second: 0" in said, said
    files = list((made.path.parent / "copied" / "exports" / "candles").rglob("*.parquet"))
    assert len(files) == len(made.query("from kraken.export_partitions"))


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ((), None),
        (("--full-refresh", "--vars", "{kraken_candles_vwap_steps: 1}", "--threads", "4"), None),
        (("--select", "candles"), "--select"),
        (("--select=candles",), "--select"),
        (("--fail-fast", "-s", "candles"), "-s"),
        (("-scandles",), "-scandles"),
        (("--exclude", "checks"), "--exclude"),
        (("--models", "candles"), "--models"),
        (("-m", "candles"), "-m"),
        (("--selector", "some"), "--selector"),
        (("--resource-type", "model"), "--resource-type"),
        (("--empty",), "--empty"),
        (("-t", "other"), "-t"),
    ],
)
def test_only_a_build_of_everything_is_published(arguments: tuple[str, ...], found: str | None) -> None:
    assert partial_argument(arguments) == found


@pytest.mark.parametrize("name", ["DBT_EMPTY", "DBT_ENGINE_RESOURCE_TYPES"])
def test_a_setting_of_dbt_that_would_make_each_build_a_part_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "true")
    with pytest.raises(BadInputError, match=f"^{name} is set.*kraken-candles build --(empty|resource-type)`"):
        run_dbt(tmp_path / "warehouse.duckdb", "build")


def test_the_words_by_which_dbt_builds_the_whole_are_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_TARGET", "other")
    for word in ("false", "0", "No"):
        monkeypatch.setenv("DBT_EMPTY", word)
        with pytest.raises(BadInputError, match=r"^DBT_TARGET is set"):
            run_dbt(tmp_path / "warehouse.duckdb", "build")


def test_a_green_build_that_cannot_be_published_says_so_and_a_red_or_partial_one_is_not_published(
    serve: Callable[..., LocalExchange], place: Place, command: Command, publish: Command
) -> None:
    """That a green one is published is shown by each test of a rebuild, of `follow` and of the README's proof."""
    serve(SyntheticFeed(3, Clock(NOW), days=1), Clock(NOW))
    load(["MINA/GBP"], "2026-11-07", timeframes=["1h"])
    published = place.folder / "published.duckdb"

    code, text = command("build", "--select", "stg_trades", "--json")
    assert code == 0, text
    told = object_in(text)
    assert (told["is_green"], told["published"], told["gap_count"], told["red"]) == (True, None, None, [])
    assert told["not_published"].startswith("--select builds a part")
    assert "Not published: --select builds a part" in text
    assert "nothing was published before" in text
    assert not re.search(r"(no|\d) gap", text), "a part that has not looked for gaps says nothing of them"
    assert not published.exists()

    (place.folder / "exports").write_text("mine")
    code, text = command("build", "--json")
    assert code == 1
    told = object_in(text)
    assert (told["is_green"], told["built_symbol_count"], told["gap_count"], told["published"]) == (True, 1, 0, None)
    assert told["identical_count"] == told["compared_count"] > 0
    assert f"Built and checked: {place.warehouse}" in text
    told = r"\d+ days of 1 pair built; (\d+) of \1 checks green\. (\d+) of \2 candles equal Kraken's; no gap\."
    assert re.search(told, text), text
    assert re.search(r"Took \d+ s; dbt's log: \S+dbt\.log", text), text
    assert "Not published: " in text
    assert "exports is a file where the exports folder should be" in text
    (place.folder / "exports").unlink()
    files = "select count(*) from duckdb_tables() where schema_name = 'kraken_raw' and table_name like 'archive%'"
    assert place.query(files) == place.query("select count(*) from kraken.archive_candles") == [(0,)]
    code, text = publish()
    assert (code, "partitions written" in text, str(published) in text) == (0, True, True), text
    with duckdb.connect(str(published), read_only=True) as connection:
        assert connection.execute("select count(*) > 0 from kraken.candles").fetchall() == [(True,)]
    before = published.stat()

    with duckdb.connect(str(place.warehouse)) as connection:
        connection.execute("update kraken_internal.day_checks set unsound_count = 1")
    code, text = command("build", "--json")
    assert code == 1
    assert "is NOT green" in text
    (check, rows, query), *others = re.findall(r"Red: (\w+): (\d+) rows? (select .+?);", text)
    assert (check, others) == ("candles_are_sound", []), text
    # of a check of several tables, the query is of those alone that it finds rows in
    assert (len(place.query(query)), "union all" in query) == (int(rows), False)
    told = object_in(text)
    assert (told["is_green"], told["red"]) == (False, [{"check": check, "row_count": int(rows), "query": query}])
    assert told["not_published"] == "the build is not green"
    assert "Warning" not in text
    seen = datetime.fromtimestamp(before.st_mtime, tz=timezone.utc)
    assert f"Not published: the build is not green; readers still see the state of {seen:%Y-%m-%d %H:%M:%S} UTC" in text
    code, text = command("status")
    assert (code, "1 red" in text, f"(candles_are_sound: {rows} row" in text) == (1, True, True), text
    assert published.stat().st_ino == before.st_ino


@pytest.mark.timeout(120)
def test_ctrl_c_ends_a_publish_with_a_sentence(made: Made, place: Place) -> None:
    """While it waits for the warehouse, as it is easiest to meet there."""
    with held(made.path):
        process = subprocess.Popen(place.command("publish"), env=place.environment(), stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        process.stderr.readline()
        time.sleep(0.2)
        process.send_signal(2)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Publishing stopped; readers see whole files" in said
    assert "Traceback" not in said
