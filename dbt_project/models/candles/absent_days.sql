{%- set first_ns = bucket_start('pieces.from_ns + bare.size_ns - 1', 'bare.size_ns') %}
{%- set end_ns = bucket_start('pieces.to_ns', 'bare.size_ns') %}

with

absent as (
    select
        pieces.symbol,
        bare.timeframe,
        pieces.covered_on as bucket_on,
        greatest({{ end_ns }} - {{ first_ns }}, 0) / bare.size_ns as closed_count,
        case
            when pieces.is_last and {{ end_ns }} >= {{ first_ns }} and {{ end_ns }} < pieces.to_ns then 1 else 0
        end as open_count
    from {{ ref('verified_days') }} as pieces
    inner join {{ bare_timeframes() }} as bare on pieces.symbol = bare.symbol and pieces.covered_on = bare.bare_on
    where pieces.is_sound and pieces.is_bare and bare.coarsest_ns is null
    union all
    select
        symbol,
        timeframe,
        bucket_on,
        case when is_closed then 1 else 0 end as closed_count,
        case when is_closed then 0 else 1 end as open_count
    from {{ absent_spanning() }} as spanning
)

select
    symbol,
    timeframe,
    bucket_on,
    cast(sum(closed_count) as bigint) as closed_count,
    cast(sum(open_count) as bigint) as open_count
from absent
group by symbol, timeframe, bucket_on
having sum(closed_count + open_count) > 0
order by symbol, timeframe, bucket_on
