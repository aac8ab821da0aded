"""Keeps symbols up to date: rounds of load, build and publish, until it is stopped."""

from dlt_pipeline.following.follower import follow
from dlt_pipeline.following.rounds import Round
from dlt_pipeline.following.waiting import Waiter, Wake

__all__ = ["Round", "Waiter", "Wake", "follow"]
