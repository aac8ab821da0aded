-- Two sources in one pipeline run can each bring the list of markets; the newest counts.
with

markets as (
    select
        *,
        row_number() over (partition by symbol order by fetched_at desc) as newness
    from {{ source('kraken_raw', 'markets').include(database=false) }}
)

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
from markets
where newness = 1
