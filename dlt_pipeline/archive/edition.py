"""The number of a file as it is imported: of its content, its market and the bounds asked for. Pure."""

import hashlib


def edition_id_of(
    symbol: str,
    kind: tuple[str, str | None],
    crc32: int,
    size_bytes: int,
    bounds: tuple[int | None, int | None],
    is_whole_days: bool,
) -> int:
    """Return a positive number of 62 bits; `kind` is format and timeframe, `bounds` in ns UTC.

    The same file asked for in the same way has the same number, and a ZIP's directory is enough to tell it.
    """
    text = repr((symbol, *kind, crc32, size_bytes, *bounds, is_whole_days))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 2
    return number or 1
