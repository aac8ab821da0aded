"""The report in a browser: drawn without a network or an error, chosen from by mouse and keyboard, names only text."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from playwright.sync_api import Page, sync_playwright

from tests.conftest import held

HOSTILE = "</script><script>window.harmed=1</script>\"'&<b>/<img src=x onerror=window.harmed=1>"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
# Twenty days of hours and days; BTC/USD has an empty hour in four, a day that is not proven and a candle that differs.
TABLES = """
    create schema kraken_raw; create schema kraken;
    create table kraken_raw.trades as select 'BTC/USD' as symbol, 1::bigint as time_ns;
    create table kraken_raw.pages as
    select 'BTC/USD' as symbol, timestamp '2026-11-08' + i * interval 1 second as answered_at,
        1000 as new_trade_count, 'load' as _dlt_load_id from range(5) as r(i);
    create table kraken.ohlcv as
    with hours as (
        select symbol, 'USD' as q, i, timestamp '2026-10-20' + i * interval 1 hour as bucket_start
        from (select unnest(['BTC/USD', $hostile]) as symbol), range(480) as r(i)
        where not (symbol = 'BTC/USD' and i between 240 and 263)
    ),
    candles as (
        select symbol, '1h' as timeframe, bucket_start, bucket_start + interval 1 hour as bucket_end,
            i, symbol = 'BTC/USD' and i % 4 = 1 as is_empty
        from hours
        union all
        select symbol, '1d', bucket_start, bucket_start + interval 1 day, i, false from hours where i % 24 = 0
    )
    select symbol, timeframe, bucket_start, bucket_end,
        if(is_empty, null, 112000.123456789012 + i)::decimal(38, 12) as open,
        if(is_empty, null, 112002.5 + i)::decimal(38, 12) as high,
        if(is_empty, null, 111998.25 + i)::decimal(38, 12) as low,
        if(is_empty, null, 112001.5 + i)::decimal(38, 12) as close,
        if(is_empty, 0, 98765432109.12345678)::decimal(38, 12) as base_volume,
        if(is_empty, 0, 2)::decimal(38, 24) as quote_volume,
        if(is_empty, 0, 49382716054.56172839)::decimal(38, 12) as taker_buy_base_volume,
        if(is_empty, 0, 3)::bigint as trade_count, is_empty, false as is_closed_market, true as is_closed,
        'trades' as source
    from candles;
    create table kraken.coverage as
    select * from (values
        ('BTC/USD', timestamp '2026-10-20', timestamp '2026-10-30', 1000, true, 'ids'),
        ('BTC/USD', timestamp '2026-10-31', timestamp '2026-11-09', 1000, true, 'ids'),
        ($hostile, timestamp '2026-10-20', timestamp '2026-11-09', 1000, true, 'ids')
    ) as c (symbol, covered_from, covered_to, trade_count, are_ids_contiguous, proven_by);
    create table kraken.gaps as
    select 'BTC/USD' as symbol, timestamp '2026-10-30' as gap_from, timestamp '2026-10-31' as gap_to,
        'ids_missing' as reason, false as is_accepted, false as is_given_up;
    create table kraken.check_rest_summary as
    select 'BTC/USD' as symbol, '1h' as timeframe, date '2026-11-08' as bucket_on, 24 as rest_candle_count,
        24 as compared_count, 22 as identical_count, 1 as differs_count, 1 as missing_here_count,
        0 as missing_there_count, 0 as revised_count, 0 as unknown_here_count, 0 as contradicted_count,
        1 as accepted_count;
    create table kraken.check_rest_candles as
    select 'BTC/USD' as symbol, '1h' as timeframe, timestamp '2026-11-08 04:00' as bucket_start, 'close' as field,
        'differs' as status, 112457.5::decimal(38, 12) as ours, 112457.4::decimal(38, 12) as theirs,
        0.1::decimal(38, 12) as difference, status as bucket_status, false as is_accepted, $hostile as accepted_reason
    union all
    select 'BTC/USD', '1h', timestamp '2026-11-08 05:00', 'close', 'missing_here', null, 112457.4, null,
        'missing_here', true, 'known';
    create table kraken.data_jobs as
    select 1 as job_id, 'trade_load' as job_type, $hostile as symbol, 'failed' as status, 'done' as phase,
        timestamp '2026-11-08' as queued_at, timestamp '2026-11-08' as started_at,
        timestamp '2026-11-08' as finished_at,
        10 as estimated_trades, 9 as actual_trades, 2 as estimated_calls, 2 as actual_calls,
        5.0::double as estimated_seconds, 7.0::double as actual_seconds, 100 as estimated_bytes, 90 as actual_bytes,
        $hostile as error, null::varchar as summary;
"""


def report(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KRAKEN_CANDLES_WAREHOUSE": str(folder / "warehouse.duckdb"), "COLUMNS": "200"}
    command = [sys.executable, "-m", "dlt_pipeline", "report", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a warehouse as a build leaves it, and its report."""
    place = tmp_path_factory.mktemp("report")
    with duckdb.connect(str(place / "warehouse.duckdb")) as connection:
        for statement in TABLES.split(";\n"):
            if statement.strip():
                values = {"hostile": HOSTILE} if "$hostile" in statement else None
                connection.execute(statement, values)
    done = report(place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Report: .*report\.html, 2 symbols, [\d.]+ MB, in [\d.]+ s", done.stdout), done.stdout
    return place


@pytest.fixture(scope="module")
def seen() -> list[str]:
    """What a page said in the console, what it threw and what it asked of a network."""
    return []


@pytest.fixture(scope="module")
def page(folder: Path, seen: list[str]) -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is here; install it: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        opened = browser.new_page(viewport={"width": 1600, "height": 1000}, color_scheme="light")
        opened.on("console", lambda message: seen.append(message.text))
        opened.on("pageerror", lambda error: seen.append(str(error)))
        opened.on("request", lambda request: seen.append(request.url) if request.url[:5] != "file:" else None)
        opened.goto((folder / "report.html").as_uri())
        # Not by a function: to ask again and again it would be compiled from text, which the page's own policy forbids.
        opened.wait_for_selector("html[data-drawn]", state="attached")
        yield opened
        browser.close()


@pytest.fixture
def drawn(page: Page) -> Callable[[Callable[[], Any]], None]:
    def after(act: Callable[[], Any]) -> None:
        before = page.evaluate("document.documentElement.dataset.drawn")
        act()
        page.wait_for_selector(f"html[data-drawn]:not([data-drawn='{before}'])", state="attached")

    return after


def candle_count(page: Page) -> int:
    return int(page.evaluate("document.getElementById('chart').data[3].x.length"))


def test_symbol_timeframe_and_range_are_chosen_and_drawn(page: Page, drawn: Callable[..., None]) -> None:
    drawn(lambda: page.select_option("#symbol", label="BTC/USD"))
    assert page.inner_text("#name") == "BTC/USD"
    assert candle_count(page) == 7 * 24 * 3 // 4, "a week of hours, one in four of them empty"
    assert page.locator("#chart svg .boxlayer path.box, #chart svg .boxes path.box").count() > 0
    drawn(lambda: page.click("#timeframes label:has-text('1d')"))
    assert candle_count(page) == 7
    drawn(lambda: page.click("#ranges label:has-text('30 d')"))
    assert candle_count(page) == 19
    shades = page.evaluate("document.getElementById('chart').data.slice(0, 3).map(each => [each.name, each.x.length])")
    assert shades == [["empty", 0], ["market closed", 0], ["gap", 1]]
    assert "ids_missing" in page.inner_text("#chart-gaps")
    drawn(lambda: page.click("#timeframes label:has-text('1h')"))
    assert "480" not in page.inner_text("#drawn")
    assert "456 candles of 1h" in page.inner_text("#drawn")
    marks = page.evaluate("document.getElementById('chart').data[5].x.length")
    assert marks == 1, "the candle that differs from Kraken's"
    page.click("#chart-table summary")
    cells = page.locator("#chart-table tbody tr").first.inner_text().split("\t")
    assert cells[1:6] == [
        *("112479.123456789012", "112481.500000000000", "112477.250000000000", "112480.500000000000"),
        "98765432109.12345678",
    ], "exact decimals"


def test_the_keyboard_reaches_all(page: Page, drawn: Callable[..., None]) -> None:
    page.focus("#chart")
    page.keyboard.press("End")
    last = page.inner_text("#readout")
    page.keyboard.press("ArrowLeft")
    assert last.startswith("2026-11-08 23:00 UTC")
    assert page.inner_text("#readout").startswith("2026-11-08 22:00 UTC")
    page.focus("#ranges input:checked")
    drawn(lambda: page.keyboard.press("ArrowLeft"))
    assert page.locator("#ranges input:checked + span").inner_text() == "7 d"
    page.focus("#tab-market")
    page.keyboard.press("ArrowRight")
    assert page.locator("#data-screen").is_visible()
    assert not page.locator("#market").is_visible()
    assert page.evaluate("document.activeElement.id") == "tab-data"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "focus is seen"


def test_the_second_screen_has_the_worst_first(page: Page) -> None:
    page.click("#tab-data")
    page.wait_for_selector("#days .heatmaplayer image, #days .hm image")
    levels = [text.split()[-1] for text in page.locator("#checks tbody td:first-child").all_inner_texts()]
    assert levels == sorted(levels, key=["red", "amber", "green"].index)
    assert levels[0] == "red"
    checks = dict(text.split("\t")[:2][::-1] for text in page.locator("#checks tbody tr").all_inner_texts())
    assert "red" in checks["Kraken's OHLC: differs"], "what is accepted is another candle"
    assert "amber" in checks["Kraken's OHLC: missing_here"]
    page.click("#days-table summary")
    row = page.locator("#days-table tbody tr", has_text="BTC/USD").inner_text().split("\t")
    assert row == ["BTC/USD", "19", "0", "0", "0", "1", "0"], "proven but for a day that is missing"
    assert "112457.5\t112457.4\t0.1" in page.inner_text("#compared")
    assert "5 s → 7 s" in page.inner_text("#jobs")
    assert "5,000 trades by 5 calls" in page.inner_text("#loads")


def test_dark_is_by_system_or_by_hand(page: Page) -> None:
    def paper() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = paper()
    page.emulate_media(color_scheme="dark")
    dark = paper()
    assert dark != light
    page.click("#theme")
    assert paper() == light
    page.click("#theme")
    assert paper() == dark
    page.emulate_media(color_scheme="light")


def test_names_are_text_and_nothing_is_asked_for(page: Page, seen: list[str], drawn: Callable[..., None]) -> None:
    page.click("#tab-market")
    drawn(lambda: page.select_option("#symbol", index=0))
    assert page.inner_text("#name") == HOSTILE
    assert HOSTILE in page.locator("#watchlist tbody").inner_text()
    page.click("#tab-data")
    assert HOSTILE in page.inner_text("#jobs")
    assert page.evaluate("window.harmed") is None
    assert page.locator("main img, main b > b").count() == 0
    assert seen == []


def test_it_works_while_a_build_writes_or_says_why_not(folder: Path, tmp_path: Path) -> None:
    nothing = report(tmp_path)
    assert nothing.returncode == 1
    assert "load" in nothing.stderr
    assert not (tmp_path / "report.html").exists()
    unknown = report(folder, "--symbols", "ETH/USD")
    assert unknown.returncode == 2
    assert "No candles of ETH/USD" in unknown.stderr
    before = (folder / "report.html").read_bytes()
    with held(folder / "warehouse.duckdb"):
        busy = report(folder)
    assert busy.returncode == 1, "nothing is published that could be shown"
    assert "Error" in busy.stderr
    assert (folder / "report.html").read_bytes() == before
    shutil.copy(folder / "warehouse.duckdb", folder / "published.duckdb")
    with duckdb.connect(str(folder / "published.duckdb")) as connection:
        connection.execute(
            "drop table kraken.data_jobs; drop table kraken.check_rest_summary; drop schema kraken_raw cascade"
        )
    with held(folder / "warehouse.duckdb"):
        done = report(folder, "--output", "other.html", "--symbols", "BTC/USD", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["path"], told["symbols"], told["is_published"]) == (str(folder / "other.html"), ["BTC/USD"], True)
    found = re.search(r'id="data">(.*?)</script>', (folder / "other.html").read_text())
    assert found
    data = json.loads(found[1])
    assert data["isPublished"]
    assert data["health"]["jobs"] is None
    assert data["health"]["days"]["rows"]
    assert [each["name"] for each in data["symbols"]] == ["BTC/USD"]
