"""The console of the commands: one that outlives its reader, so that `| head` does not end a load."""

from typing import Any

import rich.console


class Console(rich.console.Console):
    """A rich console that falls silent when what it writes to is gone or full."""

    def __init__(self, stderr: bool = False) -> None:
        """Write to stdout or stderr; long lines are left to the terminal."""
        super().__init__(stderr=stderr, soft_wrap=True, highlight=False)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does."""
        try:
            super().print(*objects, **options)
        except OSError:
            self.quiet = True

    def on_broken_pipe(self) -> None:
        """Fall silent instead of ending the program."""
        self.quiet = True
