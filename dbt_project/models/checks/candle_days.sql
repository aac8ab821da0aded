{{ config(materialized='view') }}

{%- set day_start_ns = ns_from_timestamp('cast(certified.bucket_on as timestamp)') %}

-- Of a day that files of Kraken's speak for from its start to its end, what they leave out is compared as well: nothing traded.
with

spoken as (
    select
        certified.symbol,
        certified.timeframe,
        certified.bucket_on,
        sum(
            least(spans.to_ns, {{ day_start_ns }} + 86400000000000) - greatest(spans.from_ns, {{ day_start_ns }})
        ) = 86400000000000 as is_whole
    from {{ ref('certified_days') }} as certified
    inner join {{ ref('timeframes') }} as timeframes on certified.timeframe = timeframes.timeframe
    inner join {{ ref('archive_spans') }} as spans
        on
            certified.symbol = spans.symbol
            and certified.timeframe = spans.timeframe
            and timeframes.size_ns = spans.size_ns
            and timeframes.offset_ns = 0
            and {{ day_start_ns }} + 86400000000000 > spans.from_ns
            and {{ day_start_ns }} < spans.to_ns
    where spans.is_current and spans.is_gapless
    group by certified.symbol, certified.timeframe, certified.bucket_on
)

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
    )
    or coalesce(
        spoken.is_whole
        and coalesce(archived.compared_count, 0)
        = coalesce(archived.identical_count, 0) + coalesce(archived.differs_count, 0),
        false
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
        and compared.referee = 'rest'
left join spoken
    on
        certified.symbol = spoken.symbol
        and certified.timeframe = spoken.timeframe
        and certified.bucket_on = spoken.bucket_on
left join {{ ref('compared_days') }} as archived
    on
        certified.symbol = archived.symbol
        and certified.timeframe = archived.timeframe
        and certified.bucket_on = archived.bucket_on
        and archived.referee = 'archive'
