"""Loads and rebuilds as jobs: queued, priced, run one writer at a time, resumed after any end."""
