"""Kraken's official downloads: read out of ZIPs, folders and CSV files into the raw tables."""
