"""What one chunk may take before it is committed, so that a kill costs little."""

import threading
import time


class Budget:
    """`pages` for each symbol, and a moment (monotonic seconds) at which the chunk ends; safe for several threads.

    The chunk is over for all as soon as the first symbol has its pages: none waits for a slower one.
    """

    def __init__(self, pages: int, until: float) -> None:
        """Begin with nothing taken."""
        self._pages, self._until = pages, until
        self._has_moved, self._is_full = threading.Event(), threading.Event()

    def allows(self, pages: int) -> bool:
        """Whether a symbol that took in so many pages may take another; one is always had."""
        return pages < self._pages and (pages == 0 or time.monotonic() < self._until)

    def count(self, pages: int) -> None:
        """Hear that a symbol took in its page number `pages`."""
        self._has_moved.set()
        if pages >= self._pages:
            self._is_full.set()

    def is_over(self) -> bool:
        """Whether the chunk moved and waits for no further answer; what was answered already still belongs to it."""
        return self._has_moved.is_set() and (self._is_full.is_set() or time.monotonic() >= self._until)
