"""What `symbols` says: the markets that the exchange lists, found by any of their names, and what is loaded here."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from dlt_pipeline.cli.console import Console, Rows, print_json, tell_next
from dlt_pipeline.cli.looking import find_proven, raw_trades
from dlt_pipeline.common.exceptions import WarehouseError, WrongWarehouseError
from dlt_pipeline.common.threads import beside_main
from dlt_pipeline.kraken.markets import Market
from dlt_pipeline.kraken.request import Request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import KrakenSettings, exchange_kind, load_settings, without_password
from dlt_pipeline.warehouse.database import exchanges_of, open_warehouse


@dataclass(frozen=True)
class Loaded:
    """How many trades of a symbol are loaded, and up to when (UTC): proven by the last build, else the last trade."""

    trade_count: int | None = None
    loaded_to: datetime | None = None


def run_symbols(console: Console, stop: threading.Event, path: Path, text: str, as_json: bool) -> int:
    """Show the markets that have `text` in one of their names, all without any; return the exit code.

    Raises UnknownSymbolError with the nearest symbols where there is none, and what asking the exchange raises.
    """
    settings, text = load_settings(), text.strip()
    session = Session(settings, stop)
    beside_main(lambda: session.open(Request({}, ())).list_tokenized(), stop, lambda: None)
    found = [market for market in session.markets if is_named(market, text)]
    if not found:
        session.market(text)  # says why there is none, or what is nearest
    loaded = _loaded(path, settings)
    if as_json:
        print_json(asdict(each) | asdict(loaded.get(each.symbol, Loaded())) for each in found)
        return 0
    console.print(symbols_table(found, loaded))
    console.print()
    here = sum(each.symbol in loaded for each in found)
    place = without_password(settings.base_url)
    console.print(
        f"{len(found):,} of {len(session.markets):,} markets at {place}; loaded here: {here:,}.", markup=False
    )
    console.print("Decimals: of price/volume. Kraken's downloads name their files by altname.")
    name = found[0].symbol if len(found) == 1 else "SYMBOL"
    tell_next(console, "list" if here == len(found) else f"estimate {name} --start YYYY-MM-DD")
    return 0


def is_named(market: Market, text: str) -> bool:
    """Whether one of a market's names has the text in it, in letters of any size."""
    names = (market.symbol, market.market_id, market.altname, market.wsname or "")
    return any(text.casefold() in name.casefold() for name in names)


def _loaded(path: Path, settings: KrakenSettings) -> dict[str, Loaded]:
    """Return what is loaded by symbol; none where there is no warehouse of this exchange, or nobody can read it now."""
    if not path.exists():
        return {}
    place, kind = without_password(settings.base_url), exchange_kind(settings.base_url)
    try:
        with open_warehouse(path, read_only=True) as connection:
            for other in exchanges_of(connection, f"The warehouse {path}"):
                if other != kind:
                    raise WrongWarehouseError(
                        f"the warehouse {path} is of a {other} exchange, {place} is a {kind} one."
                    )
            proven = {each.symbol: Loaded(each.trade_count, each.proven_to) for each in find_proven(connection)}
            raw = raw_trades(connection, proven)
    except WarehouseError as error:
        Console(stderr=True).print(f"What is loaded here cannot be told: {error}", markup=False)
        return {}
    return {each.symbol: Loaded(each.trade_count, each.last_traded_at) for each in raw} | proven


def symbols_table(markets: Sequence[Market], loaded: Mapping[str, Loaded]) -> Rows:
    """Return a row a market."""
    table = Rows("symbol", "market id", "altname", "status", "decimals", "loaded to", numbers=("decimals",))
    for market in markets:
        until = loaded.get(market.symbol, Loaded()).loaded_to
        table.add(
            market.symbol,
            market.market_id,
            market.altname,
            market.status or "",
            f"{market.price_decimals}/{market.volume_decimals}",
            f"{until:%Y-%m-%d %H:%M}" if until else "",
        )
    return table
