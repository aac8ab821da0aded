"""The small feed of the loading tests, an exchange over it and the warehouse, for prices."""

from tests.loading.conftest import exchange, feed, warehouse

__all__ = ["exchange", "feed", "warehouse"]
