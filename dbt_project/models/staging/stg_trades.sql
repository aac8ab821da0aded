{%- set trades = source('kraken_raw', 'trades').include(database=false) %}

-- In a warehouse no filter on complete loads: a trade is true whatever became of the load that brought it.
select
    symbol,
    trade_id,
    idless_time_ns,
    place,
    after_trade_id,
    time_ns,
    traded_at,
    traded_on,
    price,
    volume,
    side,
    order_type,
    misc,
    _dlt_load_id as load_id
from {{ first_versions(trades, ['symbol', 'traded_on', 'trade_id', 'idless_time_ns', 'place']) }}
