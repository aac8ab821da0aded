"""What every room uses: the errors, time and timeframes, threads, the version."""
