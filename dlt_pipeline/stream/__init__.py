"""Hears trades as they happen and proves afterwards, by ids, that REST gave each of them."""

from dlt_pipeline.stream.stretches import StreamProof
from dlt_pipeline.stream.waiter import StreamWaiter

__all__ = ["StreamProof", "StreamWaiter"]
