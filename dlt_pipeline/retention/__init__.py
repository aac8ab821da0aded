"""Raw trades whose candles are kept are removed, of the days that somebody wants."""
