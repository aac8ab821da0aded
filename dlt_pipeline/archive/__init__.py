"""Kraken's official downloads: read out of ZIPs, folders and CSV files into the raw tables."""

from typing import Final

# An option of the import command has it too; with a job it is not written down.
PASSWORD_NAME: Final = "KRAKEN_CANDLES_ARCHIVE_PASSWORD"  # noqa: S105 - the name of it
