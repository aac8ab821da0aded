{{ config(tags='archives', materialized='view') }}

select
    symbol,
    timeframe,
    bucket_start,
    {{ timestamp_from_ns('bucket_end_ns') }} as bucket_end,
    {{ exchange_candle_columns() }},
    {{ is_closed_market('trade_count = 0') }} as is_closed_market,
    true as is_closed,
    cast('archive' as {{ dbt.type_string() }}) as source
from {{ with_sessions(chosen_archive_candles()) }} as chosen
where {{ utc_session() }}
