"""One HTML page of the candles, and of how far they can be trusted."""
