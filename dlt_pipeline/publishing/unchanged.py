"""Whether a build has anything to do: all that it reads and leaves behind, as one hash beside the published files."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.publishing.settings import PublishSettings, load_settings
from dlt_pipeline.warehouse.database import file_state
from dlt_pipeline.warehouse.dbt import SEEDS_NAME, project_folder
from dlt_pipeline.warehouse.errors import ENVIRONMENT_NAME

_BUILT: Final = ".built"
BROKEN_OFF: Final = "it did not end"  # what is red of a whole build that has begun, or was cut off
# What comes and goes in the exports folder without being published.
_OWN: Final = frozenset({_BUILT, ".lock", ".partial"})
_PARSED: Final = frozenset({".sql", ".yml", ".csv", ".md"})
_TIME: Final = "%Y-%m-%d %H:%M UTC"
_PACKAGES: Final = ("dbt-core", "dbt-duckdb", "duckdb", "pyarrow")


@dataclass(frozen=True)
class Standing:
    """The last whole build, which was green and is published: when it ended (naive UTC) and how many checks warned."""

    built_at: datetime
    warned_count: int


def remember(warehouse: Path, built: str | None, warnings: int, shape: str | None = None) -> None:
    """Write down that a whole build was green, left the file in the state and the shape given, and is published.

    Where that cannot be written, on a full disk say, the next build is a whole one.
    """
    settings = load_settings(warehouse)
    if not built:
        return
    with suppress(OSError):
        known = {
            "state": _state(built, warehouse, settings),
            "built_at": _now(),
            "warnings": warnings,
            "shape": shape,
            "inputs": _hash(_inputs()),
        }
        (settings.exports / _BUILT).write_text(json.dumps(known))


def nothing_new(warehouse: Path) -> Standing | None:
    """Return the last whole build if it was green, is published, and would be the same today; else None."""
    settings = load_settings(warehouse)
    known = _known(settings)
    try:
        built = file_state(warehouse)
        if built is None or known.get("red") or known["state"] != _state(built, warehouse, settings):
            return None
        return Standing(_time(known["built_at"]), known["warnings"])
    except (OSError, KeyError, ValueError):
        return None


def shape_left(warehouse: Path) -> str | None:
    """Return the shape that the last whole, green build left here, if code, libraries and settings are as they were."""
    with suppress(OSError, KeyError):
        known = _known(load_settings(warehouse))
        if known["inputs"] == _hash(_inputs()):
            return str(known["shape"])
    return None


def remember_checks(warehouse: Path, red: Sequence[str]) -> None:
    """Write down what of a whole build is red, each in a few words: nothing of a green one.

    With BROKEN_OFF what stood before is kept beside it.
    """
    before = None
    if list(red) == [BROKEN_OFF] and (ended := last_checks(warehouse, is_ended=True)):
        before = {"built_at": f"{ended[0]:{_TIME}}", "red": ended[1]}
    _note(warehouse, built_at=_now(), red=list(red), before=before)


def remember_builder(warehouse: Path, process: tuple[int, datetime] | None) -> None:
    """Write down which process makes a whole build, by its id and when it began (naive UTC); None: it does no more."""
    _note(warehouse, builder=[process[0], process[1].isoformat()] if process else None)


def builder(warehouse: Path) -> tuple[int, datetime] | None:
    """Return the process that said that it makes a whole build; it may have died over it."""
    found = _known(load_settings(warehouse)).get("builder")
    return (int(found[0]), datetime.fromisoformat(found[1])) if found else None


def last_checks(warehouse: Path, is_ended: bool = False) -> tuple[datetime, list[str]] | None:
    """Return when the last whole build ended (naive UTC) and what of it is red; None where none is known.

    What dbt built without this program, nobody wrote down. With `is_ended` it is of one that did not break off.
    """
    known = _known(load_settings(warehouse))
    if is_ended and known.get("red") == [BROKEN_OFF]:
        known = known.get("before") or {}
    return (_time(known["built_at"]), list(map(str, known.get("red", ())))) if "built_at" in known else None


def _note(warehouse: Path, **changes: Any) -> None:
    """Write changes into what is known of the last whole build; None takes out."""
    with suppress(OSError, BadInputError):  # who does not publish may have set nonsense there
        settings = load_settings(warehouse)
        before = _known(settings)
        after = {name: value for name, value in (before | changes).items() if value is not None}
        if after != before:
            settings.exports.mkdir(parents=True, exist_ok=True)
            (settings.exports / _BUILT).write_text(json.dumps(after))


def _known(settings: PublishSettings) -> dict[str, Any]:
    """Return what was written down of the last whole build; nothing where that cannot be read."""
    try:
        known = json.loads((settings.exports / _BUILT).read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _now() -> str:
    return f"{datetime.now(timezone.utc):{_TIME}}"


def _time(text: str) -> datetime:
    return datetime.strptime(text, _TIME)  # noqa: DTZ007 - naive UTC, as in the warehouse


def _state(built: str, warehouse: Path, settings: PublishSettings) -> str:
    return _hash((built, str(warehouse.resolve()), *_inputs(), *_published(settings)))


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("".join(f"{part}\n" for part in parts).encode()).hexdigest()


def _inputs() -> Iterator[str]:
    """What else decides about a build: code, libraries, settings, seeds; and the day, for their lines expire."""
    yield f"{datetime.now(timezone.utc):%Y-%m-%d}"
    yield from (f"{name} {version(name)}" for name in _PACKAGES)
    # the warehouse and the seeds count by what they are, not by how they are called
    settings = {name: os.environ[name] for name in os.environ if name not in (ENVIRONMENT_NAME, SEEDS_NAME)}
    yield from (f"{name}={settings[name]}" for name in sorted(settings) if name.startswith(("KRAKEN_", "DBT_")))
    project, seeds = project_folder(), os.environ.get(SEEDS_NAME)
    ours = [project / "profiles.yml", *Path(__file__).parents[1].rglob("*.py")]
    ours += [path for path in _below(project / "dbt_project", {"target", "logs"}) if path.suffix in _PARSED]
    for path in sorted([*ours, *(Path(seeds).expanduser().resolve().glob("*.csv") if seeds else ())]):
        yield f"{path} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _published(settings: PublishSettings) -> Iterator[str]:
    """Name and size of each published file, for one may be gone; a publish writes published.duckdb anew each time."""
    for path in sorted([settings.database, *_below(settings.exports, _OWN)]):
        yield f"{path} {path.stat().st_size}"


def _below(folder: Path, left_out: Set[str]) -> Iterator[Path]:
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in left_out]
        yield from (Path(path, name) for name in names if name not in left_out)
