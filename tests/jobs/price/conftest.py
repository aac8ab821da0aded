"""The small feed of the loading tests and an exchange over it, for prices."""

from tests.loading.conftest import exchange, feed

__all__ = ["exchange", "feed"]
