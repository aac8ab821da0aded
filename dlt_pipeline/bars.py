"""Progress bars on a terminal; elsewhere there are none, and whoever tells prints lines."""

from typing import TypeVar

from rich.progress import Progress, ProgressColumn

from dlt_pipeline.console import Console

_Self = TypeVar("_Self", bound="Bars")


class Bars:
    """Draws on a rich console as long as its `with` lasts; `bars` is None where the console is no terminal."""

    def __init__(self, console: Console, *columns: ProgressColumn) -> None:
        """Prepare; nothing is drawn yet."""
        self.console = console
        self.bars = Progress(*columns, console=console) if console.is_terminal else None

    def __enter__(self: _Self) -> _Self:
        """Start drawing."""
        if self.bars:
            self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last state on the screen."""
        if self.bars:
            self.bars.stop()
