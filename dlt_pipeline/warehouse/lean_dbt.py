"""What dbt is spared: work that costs it a quarter of a small build and more and gives it nothing.

Methods of dbt's are replaced for that, as long as a run lasts; dbt-core is held below the next version for it too.
"""

import copy
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache, cached_property
from importlib.metadata import version
from inspect import getattr_static
from types import CodeType
from typing import Any, Final

from dlt_pipeline.warehouse.database import sql_text

_DETAILS: Final = ("debug", "test")  # dbt's levels of what only its debug log tells
# Settings of the connection that DuckDB has once for all cursors of a database; dbt-duckdb sets them for each.
_OF_THE_DATABASE: Final = frozenset(
    {"memory_limit", "threads", "autoinstall_known_extensions", "autoload_known_extensions"}
)
_CODE: Final[dict[str, CodeType]] = {}  # compiled templates by what they were made of


@contextmanager
def lean_dbt() -> Iterator[None]:
    """Run dbt in this process without what nobody reads, asks for, or needs twice."""
    from dbt.adapters.duckdb.environments import Environment  # noqa: PLC0415 - dbt takes seconds to import
    from dbt.context.base import Var  # noqa: PLC0415
    from dbt.context.manifest import ManifestContext  # noqa: PLC0415
    from dbt_common.behavior_flags import BehaviorFlagRendered  # noqa: PLC0415
    from dbt_common.clients.jinja import (  # noqa: PLC0415
        MacroFuzzEnvironment,
        MacroFuzzTemplate,
        NativeSandboxTemplate,
    )
    from dbt_common.events.event_manager_client import ctx_set_event_manager, get_event_manager  # noqa: PLC0415

    instead: tuple[tuple[Any, str, Any], ...] = (
        (MacroFuzzEnvironment, "compile", _kept_templates(MacroFuzzEnvironment.compile)),
        (ManifestContext, "_build_namespace", _macros_as_asked),
        (Var, "get_rendered_var", _plain_as_it_is(Var.get_rendered_var)),
        # as templates of text already do: a view of all names instead of a copy
        (NativeSandboxTemplate, "new_context", MacroFuzzTemplate.new_context),
        # dbt looks through its stack and all modules for a name that the debug log alone would tell
        (BehaviorFlagRendered, "_default_source", staticmethod(lambda: "dbt")),
        (Environment, "initialize_db", _set_once(Environment.initialize_db)),
        (Environment, "initialize_cursor", _set_for_each(Environment.initialize_cursor)),
    )
    before = [(owner, name, getattr_static(owner, name)) for owner, name, _ in instead]
    events = get_event_manager()
    ctx_set_event_manager(_read_events())
    for owner, name, ours in instead:
        setattr(owner, name, ours)
    try:
        yield
    finally:
        for owner, name, theirs in before:
            setattr(owner, name, theirs)
        ctx_set_event_manager(events)


def _read_events() -> Any:
    """Return an event manager that drops the events which nobody reads: dbt makes a line of each before it does."""
    from dbt_common.events.base_types import BaseEvent, EventLevel  # noqa: PLC0415
    from dbt_common.events.event_manager import EventManager  # noqa: PLC0415

    class ReadEvents(EventManager):
        def fire_event(self, e: BaseEvent, level: EventLevel | None = None, *args: Any, **options: Any) -> None:
            if (level or e.level_tag()) in _DETAILS and all(each.level not in _DETAILS for each in self.loggers):
                return
            super().fire_event(e, level, *args, **options)

    _take_in_late()
    return ReadEvents()


@cache
def _take_in_late() -> None:
    """Have what an event of the debug log is about, a statement's text for one, taken in only once somebody asks."""
    from dbt_common.events.base_types import BaseEvent, DebugLevel  # noqa: PLC0415

    def keep(event: Any, *given: Any, **about: Any) -> None:
        vars(event).update(given=given, about=about)

    def take_in(event: Any) -> Any:
        BaseEvent.__init__(event, *vars(event)["given"], **vars(event)["about"])
        return vars(event)["pb_msg"]

    asked = cached_property(take_in)
    asked.__set_name__(DebugLevel, "pb_msg")
    DebugLevel.__init__, DebugLevel.pb_msg = keep, asked  # type: ignore[method-assign, assignment]


def _kept_templates(compiled: Callable[..., Any]) -> Callable[..., Any]:
    """Return `compiled`, Jinja's way from a template's text to code, which then does so once, with Jinja's own cache.

    That lies in a temporary folder that is the user's alone, as Jinja makes it; what cannot be kept or read there is
    compiled as ever.
    """
    from jinja2 import FileSystemBytecodeCache  # noqa: PLC0415

    try:
        kept = FileSystemBytecodeCache(pattern="kraken-candles-%s.cache")
    except (OSError, RuntimeError):
        return compiled
    versions = [version(name) for name in ("jinja2", "dbt-common")]

    def compile_once(environment: Any, source: Any, *named: Any, **how: Any) -> Any:
        if named or how or not isinstance(source, str):
            return compiled(environment, source, *named, **how)
        name = " ".join((*versions, type(environment).__name__, *sorted(environment.extensions), source))
        if name not in _CODE:
            _CODE[name] = on_disk(environment, source, name)
        return _CODE[name]

    def on_disk(environment: Any, source: str, name: str) -> Any:
        try:
            template = kept.get_bucket(environment, name, None, source)
        except Exception:  # noqa: BLE001 - whatever a damaged pickle raises
            return compiled(environment, source)
        if template.code is None:
            template.code = compiled(environment, source)
            with suppress(OSError):  # a full disk
                kept.set_bucket(template)
        return template.code

    return compile_once


class _Asked(dict[str, Any]):
    """A dictionary of what is made of things known by name, each the first time that somebody asks for it."""

    def __init__(self, known: Mapping[str, Any], make: Callable[[Any], Any]) -> None:
        super().__init__()
        self.known, self._make = known, make

    def __missing__(self, name: str) -> Any:
        made = self[name] = self._make(self.known[name])
        return made

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self.known

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def __bool__(self) -> bool:
        return super().__len__() > 0 or bool(self.known)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def keys(self) -> Any:
        return dict.fromkeys((*super().keys(), *self.known)).keys()

    def update(self, more: Any = (), **named: Any) -> None:  # type: ignore[override]
        """Take in all of `more`, or of what is known already only what takes the place of something else."""
        if more is self.known:
            there = list(super().keys())
            more = {name: more[name] for name in there if name in more}
        super().update(more, **named)


def _macros_as_asked(context: Any) -> Any:
    """Return dbt's namespace of the macros for the context of a node, in which each is made when it is asked for.

    dbt makes 900 of them for each node, twice, puts them all into the context, and leaves the collector of garbage
    140,000 objects a build. In place of ManifestContext._build_namespace.
    """
    from dbt.clients.jinja import MacroGenerator  # noqa: PLC0415
    from dbt.context.macros import MacroNamespace  # noqa: PLC0415

    builder = context._get_namespace_builder()
    inside = context._ctx = _Asked({}, lambda macro: macro)
    made: dict[str, Any] = {}

    def make(macro: Any) -> Any:
        if macro.unique_id not in made:
            made[macro.unique_id] = MacroGenerator(macro, inside, builder.node, builder.thread_ctx)
        return made[macro.unique_id]

    by_package = context.manifest.get_macros_by_package()
    internal = [by_package[name] for name in builder.internal_package_names_order if name in by_package]
    others = {name: macros for name, macros in by_package.items() if name not in builder.internal_package_names}
    root = {} if builder.root_package == builder.search_package else others.get(builder.root_package, {})
    inside.known = MacroNamespace(
        global_namespace=_Asked(root, make),
        local_namespace=_Asked(others.get(builder.search_package, {}), make),
        global_project_namespace=_Asked(ChainMap(*internal), make),
        packages={name: _Asked(macros, make) for name, macros in others.items()},
    )
    return inside.known


def _plain_as_it_is(render: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    """Copy a context for the text of a variable only where there is something to render."""

    def get_rendered_var(self: Any, name: str) -> Any:
        raw = self._merged[name]
        return render(self, name) if isinstance(raw, str) and ("{" in raw or "}" in raw) else raw

    return get_rendered_var


def _set_once(connect: Callable[..., Any]) -> Any:
    def initialize_db(_: Any, credentials: Any, *given: Any, **named: Any) -> Any:
        connection = connect(credentials, *given, **named)
        for name, value in (credentials.settings or {}).items():
            if name in _OF_THE_DATABASE:
                connection.execute(f"set {name} = {sql_text(value)}")
        return connection

    return classmethod(initialize_db)


def _set_for_each(initialize: Callable[..., Any]) -> Any:
    def initialize_cursor(_: Any, credentials: Any, *given: Any, **named: Any) -> Any:
        own = copy.copy(credentials)
        own.settings = {
            name: value for name, value in (credentials.settings or {}).items() if name not in _OF_THE_DATABASE
        }
        return initialize(own, *given, **named)

    return classmethod(initialize_cursor)
