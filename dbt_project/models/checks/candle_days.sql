{{ config(materialized='view') }}

select
    certified.symbol,
    certified.timeframe,
    certified.bucket_on,
    certified.row_count,
    certified.first_trade_id,
    certified.last_trade_id,
    certified.trade_count,
    certified.content_hash,
    checks.is_complete as is_proven,
    false as is_compared,
    certified.load_id,
    certified.built_at
from {{ ref('certified_days') }} as certified
inner join {{ ref('day_checks') }} as checks
    on
        certified.symbol = checks.symbol
        and certified.timeframe = checks.timeframe
        and certified.bucket_on = checks.bucket_on
