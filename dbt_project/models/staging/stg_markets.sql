select
    symbol,
    market_id,
    altname,
    wsname,
    base,
    quote,
    price_decimals,
    volume_decimals,
    status,
    fetched_at
from {{ source('kraken_raw', 'markets').include(database=false) }}
