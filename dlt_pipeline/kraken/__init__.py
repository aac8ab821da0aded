"""Kraken's public REST API: client, strict page check, cursor, ledger and dlt source."""
