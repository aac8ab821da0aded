"""Hears trades as they happen and proves afterwards, by ids, that REST gave each of them."""

from dlt_pipeline.streaming.proof import Proof
from dlt_pipeline.streaming.waiter import StreamWaiter

__all__ = ["Proof", "StreamWaiter"]
