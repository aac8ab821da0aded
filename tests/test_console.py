"""What commands print where nobody can make it wider: tables of all of them, whole at any width."""

import logging
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from dlt_pipeline.archive.report import FileReport, ImportReport
from dlt_pipeline.cli.app import configure_logging
from dlt_pipeline.cli.archive import files_table
from dlt_pipeline.cli.console import Console, Rows
from dlt_pipeline.cli.estimate import plan_table, price_table
from dlt_pipeline.cli.looking import Held, held_table
from dlt_pipeline.cli.progress import BuildProgress
from dlt_pipeline.cli.queue import jobs_table
from dlt_pipeline.cli.repair import repairs_table
from dlt_pipeline.cli.show import candles_table as newest_table
from dlt_pipeline.cli.summary import candles_table, others_table, symbols_table
from dlt_pipeline.estimates.plan import Plan, PlanRange
from dlt_pipeline.estimates.price import Costs, load_job_settings, price_trades
from dlt_pipeline.jobs.job import Job
from dlt_pipeline.kraken.settings import load_settings
from dlt_pipeline.repairs.gaps import Repair

START_NS = int(datetime(2025, 10, 9, tzinfo=timezone.utc).timestamp()) * 10**9
END_NS = START_NS + 86_400 * 10**9
MANY = 1_234_567_890
SHOWN = "1,234,567,890"


def _price() -> Rows:
    costs = Costs(load_settings(), load_job_settings())
    return price_table([price_trades(costs, "BTC/USD", (START_NS, END_NS), [MANY], days=1)], costs)


def _plan() -> Rows:
    costs = Costs(load_settings(), load_job_settings())
    price = price_trades(costs, "BTC/USD", (START_NS, END_NS), [MANY], days=1)
    missing = PlanRange(START_NS, END_NS, "missing", "trades", price.calls, price)
    return plan_table(Plan("BTC/USD", "1m", START_NS, END_NS, (missing,)))


def _jobs() -> Rows:
    return jobs_table(
        [Job(MANY, "trade_rebuild", "BTC/USD", START_NS, END_NS, "{}", trades=MANY, estimated_trades=MANY)]
    )


def _files() -> Rows:
    file = FileReport(Path("a.zip"), "[b]XBTUSD.csv", 9, "BTC/USD", rows=MANY, refused=MANY)
    file.format, file.volume, file.first_time_ns, file.last_time_ns = "trades", Decimal(MANY), START_NS, END_NS
    return files_table(ImportReport(Path("warehouse.duckdb"), [file, file]))


def _symbols() -> Rows:
    day = "2025-10-09 00:00"
    return symbols_table(
        [("BTC/USD", MANY, day, day, MANY, 1, MANY, True, MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY)]
    )


def _candles() -> Rows:
    return candles_table([(name, "BTC/USD", MANY) for name in ("1m", "5m", "15m", "1h", "4h", "1d")])


def _others() -> Rows:
    return others_table([("BTC/USD", "1m", "archive", MANY, "2025-10-09 00:00", "2025-10-09 01:00")])


def _repairs() -> Rows:
    repair = Repair("BTC/USD", START_NS, END_NS, "never_loaded", ((START_NS, END_NS),))
    return repairs_table({repair: MANY})


def _held() -> Rows:
    return held_table([Held("BTC/USD", "1m", *[datetime(2025, 10, 9)] * 3, MANY, MANY)])  # noqa: DTZ001 - as stored


def _newest() -> Rows:
    prices = dict.fromkeys(("open", "high", "low", "close", "base_volume"), Decimal("0.00001"))
    return newest_table([prices | {"bucket_start": datetime(2025, 10, 9), "trade_count": MANY}])  # noqa: DTZ001 - as stored


TABLES: list[Callable[[], Rows]] = [_price, _plan, _jobs, _files, _symbols, _candles, _others, _repairs, _held, _newest]


@pytest.mark.parametrize("columns", [80, 40, 20])
@pytest.mark.parametrize("made", TABLES)
def test_every_word_of_a_table_is_whole_at_any_width(
    made: Callable[[], Rows], columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(width: int) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        Console().print(made())
        return capsys.readouterr().out

    def words(text: str) -> set[str]:
        return {word.strip(":;") for word in text.split() if not set(word) <= {"\N{BOX DRAWINGS LIGHT HORIZONTAL}"}}

    wide, narrow = words(printed(200)), printed(columns)
    assert SHOWN in wide
    assert wide <= words(narrow), narrow
    assert all(len(line) <= columns or len(line.split()) == 1 for line in narrow.splitlines()), narrow


def test_brackets_of_a_file_are_no_markup_and_a_row_reads_as_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    table = Rows("file", "rows", "covered from", "", numbers=("rows",))
    table.add("[b]XBTUSD.csv", SHOWN, "2025-10-09 00:00", "imported")
    Console().print(table)
    assert capsys.readouterr().out.splitlines() == [
        f"file [b]XBTUSD.csv: rows {SHOWN};",
        "  covered from 2025-10-09 00:00;",
        "  imported",
    ]


def test_a_line_of_the_log_is_not_broken_either(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    configure_logging()
    logging.getLogger("dlt_pipeline").warning("All of /a/long/path/to/warehouse.duckdb has %s rows.", SHOWN)
    assert f"WARNING  All of /a/long/path/to/warehouse.duckdb has {SHOWN} rows.\n" in capsys.readouterr().err


def test_a_name_cannot_speak_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    name = "XBT\x1b[31mUSD\x9b2J\u202e\udc80.csv"
    Console().print(f"{name} is imported\n", markup=False)
    rows = Rows("file")
    rows.add(name)
    Console().print(rows)
    printed = capsys.readouterr().out
    assert printed.count("XBT?[31mUSD?2J??.csv") == 2


def test_the_bar_of_a_build_never_moves_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    with BuildProgress(Console()) as progress:
        for name, number in (("second", 2), ("first", 1)):
            progress.node(name, number, 2)
        assert progress.bars is not None
        (task,) = progress.bars.tasks
    assert (task.completed, task.fields["place"]) == (2, "2 of 2  second")
