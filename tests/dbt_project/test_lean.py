"""What dbt is spared changes nothing of what it does: templates are compiled once, events are what they were."""

import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from dbt.adapters.events.types import SQLQuery
from dbt_common.clients.jinja import MacroFuzzEnvironment, get_template

from dlt_pipeline.warehouse import lean_dbt
from tests.dbt_project import dbt_in_process
from tests.parsed_project import KEPT

SOURCE = "select {{ 1 + number }}"


@pytest.fixture
def rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[str, int]]:
    """Render the template as a process does; return the text, and how many templates were compiled for it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    compiled, counts = MacroFuzzEnvironment.compile, [0]
    monkeypatch.setattr(lean_dbt, "_CODE", {})

    def counted(*given: Any, **named: Any) -> Any:
        counts[0] += 1
        return compiled(*given, **named)

    monkeypatch.setattr(MacroFuzzEnvironment, "compile", counted)

    def render() -> tuple[str, int]:
        counts[0] = 0
        lean_dbt._CODE.clear()
        with lean_dbt.lean_dbt():
            return get_template(SOURCE, {}).render({"number": 2}), counts[0]

    return render


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("_jinja2-cache-*/kraken-candles-*.cache"))


def test_a_template_is_compiled_once(rendered: Callable[[], tuple[str, int]], tmp_path: Path) -> None:
    assert rendered() == ("select 3", 1)
    assert rendered() == ("select 3", 0)
    assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize("part", [0, 12, 30, 200])
def test_a_damaged_one_is_compiled_anew(rendered: Callable[[], tuple[str, int]], tmp_path: Path, part: int) -> None:
    rendered()
    file = kept(tmp_path)[0]
    file.write_bytes(file.read_bytes()[:part])
    assert rendered() == ("select 3", 1)


def test_without_a_folder_of_ones_own_each_process_compiles(
    rendered: Callable[[], tuple[str, int]], tmp_path: Path
) -> None:
    rendered()
    folder = kept(tmp_path)[0].parent
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")  # somebody else's, for all that is known
    assert rendered() == ("select 3", 1)


def test_an_event_is_taken_in_when_somebody_asks() -> None:
    with lean_dbt.lean_dbt():
        event = SQLQuery(conn_name="main", sql="select 1", node_info={"node_name": "candles"})
    assert "pb_msg" not in vars(event)
    assert event.message() == "On main: select 1"
    assert (event.sql, event.node_info.node_name) == ("select 1", "candles")
    event.sql = "select 2"
    assert event.to_dict()["sql"] == "select 2"


NAMES = "{{ context.keys() | sort | join(' ') }}, {{ context | length }}"
SETTINGS = "select * from (select name, value from duckdb_settings() order by 1)"
SEEN = {
    "all names": NAMES,
    "dbt's": NAMES.replace("context", "dbt"),
    "the package's": NAMES.replace("context", "kraken_candles"),
    "none such": "{{ 'no_such' in context }} {{ context.get('no_such', 1) }} {{ no_such is defined }}",
    "one of each": "{{ context['bucket_start'] is callable }} {{ dbt.get('type_string')() }} {{ 'ref' in context }}",
    "a variable": "{{ var('kraken_candles_timeframes') }} {{ var('kraken_candles_tolerance_price') }}",
    "settings": f"{{% if execute %}}{{{{ run_query('{SETTINGS}').columns[1].values() }}}}{{% endif %}}",
}


@pytest.mark.parametrize("text", SEEN.values(), ids=SEEN)
def test_a_node_sees_what_it_does_without(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRAKEN_CANDLES_MEMORY", "1GB")
    monkeypatch.setenv("KRAKEN_CANDLES_CORES", "3")

    def seen() -> str:
        sql, said = dbt_in_process.compile_inline(KEPT[0].manifest, tmp_path, text, {})
        assert sql, said
        return sql

    lean = seen()
    monkeypatch.setattr(dbt_in_process, "lean_dbt", nullcontext)
    assert seen() == lean
