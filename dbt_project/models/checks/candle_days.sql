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
    coalesce(
        compared.identical_count + compared.revised_count + compared.differs_count >= checks.closed_count, false
    ) as is_compared,
    certified.load_id,
    certified.built_at
from {{ ref('certified_days') }} as certified
inner join {{ ref('day_checks') }} as checks
    on
        certified.symbol = checks.symbol
        and certified.timeframe = checks.timeframe
        and certified.bucket_on = checks.bucket_on
left join {{ ref('compared_days') }} as compared
    on
        certified.symbol = compared.symbol
        and certified.timeframe = compared.timeframe
        and certified.bucket_on = compared.bucket_on
