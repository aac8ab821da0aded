{%- set pages = source('kraken_raw', 'pages').include(database=false) -%}
{%- set names = adapter.get_columns_in_relation(pages) | map(attribute='name') | list if execute else [] -%}
select
    symbol,
    market_id,
    since as since_ns,
    last as last_ns,
    trade_count,
    new_trade_count,
    -- loads of older versions do not count them
    {{ 'stepped_back_count' if 'stepped_back_count' in names else 'cast(null as bigint)' }} as stepped_back_count,
    first_trade_id,
    last_trade_id,
    first_time_ns,
    last_time_ns,
    covered_from_ns,
    covered_to_ns,
    is_full,
    is_backfill,
    missing_id_count,
    asked_at,
    answered_at,
    exchange_at,
    _dlt_load_id as load_id
from {{ first_versions(pages, ['symbol', 'asked_at', 'since']) }}
-- a page of a load that was cut off may stand here without its trades
where _dlt_load_id in {{ complete_loads() }}
