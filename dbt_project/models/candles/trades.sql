select
    symbol,
    nullif(trade_id, 0) as trade_id,
    time_ns,
    traded_at,
    traded_on,
    price,
    volume,
    side,
    order_type,
    misc,
    cast('rest' as string) as source
from {{ ref('stg_trades').include(database=false) }}
