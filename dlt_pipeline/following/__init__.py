"""Keeps symbols up to date: rounds of load, build and publish, until it is stopped."""

from dlt_pipeline.following.follower import Waiter, Wake, follow
from dlt_pipeline.following.rounds import Round

__all__ = ["Round", "Waiter", "Wake", "follow"]
