"""Incremental builds equal a full refresh, row for row, whatever was loaded in whatever order.

One sequence with few builds runs in `make test`, beside one that an earlier version began (test_old_warehouse.py);
seven run in `make test-long`. `KRAKEN_CANDLES_RANDOM_SEEDS=100-160`
and `-m long` run others, `KRAKEN_CANDLES_RANDOM_SHRINK=1` leaves out of a failing one the steps it does not need. A
sequence depends on its seed alone.
"""

import logging
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.dbt_project.dbt_in_process import DbtProject
from tests.dbt_project.random_sequence import VARIABLES, Run, Step, random_steps
from tests.dbt_project.step_kinds import REACH

_FIRST, _, _LAST = os.environ.get("KRAKEN_CANDLES_RANDOM_SEEDS", "1-7").partition("-")
SEEDS = range(int(_FIRST), int(_LAST or _FIRST) + 1)
ENOUGH_SEEDS = 7
SHORT_SEEDS = 1
SHRINKS = bool(os.environ.get("KRAKEN_CANDLES_RANDOM_SHRINK"))
pytestmark = pytest.mark.timeout(0 if SHRINKS else 600)


class Reached:
    """What all sequences together did and compared."""

    def __init__(self) -> None:
        self.seeds: list[int] = []
        self.sequences: Counter[str] = Counter()
        self.times: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()

    def add(self, seed: int, run: Run) -> None:
        self.seeds.append(seed)
        self.sequences.update(kind for kind, times in run.world.reach.items() if times)
        self.times.update(run.world.reach)
        self.rows.update(run.rows)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> DbtProject:
    folder = tmp_path_factory.mktemp("incremental")
    return DbtProject(folder / "target", folder / "warehouse.duckdb", VARIABLES)


@pytest.fixture(scope="module")
def reached() -> Reached:
    return Reached()


@pytest.fixture(autouse=True)
def _no_warnings_of_withheld_ids(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, logger="dlt_pipeline.kraken")


def _attempt(project: DbtProject, folder: Path, seed: int, steps: list[Step]) -> tuple[Run, str]:
    """Carry out the steps; returns the run and what was wrong."""
    run = Run(project, folder, seed, after_every_build=seed % 6 == 0)
    try:
        run.carry_out(steps)
    except AssertionError as error:
        return run, str(error)
    return run, ""


def _say(seed: int, steps: list[Step], run: Run, wrong: str) -> None:
    if wrong:
        pytest.fail(f"seed {seed}, steps {steps}\n" + "\n".join(run.world.story) + f"\n\n{wrong}", pytrace=False)


def _shrunk(project: DbtProject, folder: Path, seed: int, steps: list[Step]) -> list[Step]:
    """Leave out every step without which the sequence still fails."""
    for number in reversed(range(len(steps) - 1)):
        fewer = steps[:number] + steps[number + 1 :]
        if _attempt(project, folder, seed, fewer)[1]:
            steps = fewer
    return steps


def _with_few_builds(steps: list[Step]) -> list[Step]:
    """All steps, with the builds at the ends alone and those that a step is about."""
    first, *between, last = [step for step in steps if step[0] != "nothing"]
    return [first, ("build", 0), *(step for step in between if step[0] != "build"), last]


@pytest.mark.parametrize("seed", SEEDS[:SHORT_SEEDS])
def test_incremental_builds_equal_a_full_refresh(project: DbtProject, tmp_path: Path, seed: int) -> None:
    steps = _with_few_builds(random_steps(seed))
    run, wrong = _attempt(project, tmp_path / "run", seed, steps)
    _say(seed, steps, run, wrong)


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_incremental_builds_in_any_order_equal_a_full_refresh(
    project: DbtProject, reached: Reached, tmp_path: Path, seed: int
) -> None:
    steps = random_steps(seed)
    run, wrong = _attempt(project, tmp_path / "run", seed, steps)
    if wrong and SHRINKS:
        steps = _shrunk(project, tmp_path / "run", seed, steps)
        run, wrong = _attempt(project, tmp_path / "run", seed, steps)
    _say(seed, steps, run, wrong)
    reached.add(seed, run)


@pytest.mark.long
def test_the_sequences_did_every_kind_of_thing(project: DbtProject, reached: Reached) -> None:
    made = Counter(model.materialized for model in project.models)
    print(f"\n{len(reached.seeds)} sequences; models: {dict(made)}")
    for kind, times in sorted(reached.times.items()):
        print(f"  {kind}: {times} times in {reached.sequences[kind]} sequences")
    for name, rows in sorted(reached.rows.items()):
        print(f"  {name}: {rows} rows compared")
    if len(reached.seeds) < ENOUGH_SEEDS:
        pytest.skip(f"{len(reached.seeds)} sequences are too few to do everything")
    assert [kind for kind in REACH if not reached.times[kind]] == []
    empty = {name for name, rows in reached.rows.items() if not rows}
    # seeds of nobody, what only the commands write, and what other timeframes would leave out: these never change here
    of_nobody = (
        "stg_accepted_differences",
        "stg_trading_sessions",
    )
    of_others = {"kraken.absent_days", "kraken.data_jobs", "kraken.market_names", "kraken.market_status"}
    assert empty == {f"kraken_staging.{name}" for name in of_nobody} | of_others
    assert reached.times["builds that change candles"] > reached.times["builds"] / 2
