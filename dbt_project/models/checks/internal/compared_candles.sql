{{ config(materialized='ephemeral') }}

with

theirs as (
    select rest.*
    from {{ ref('latest_rest_candles') }} as rest
    inner join {{ ref('coverage') }} as coverage
        on
            rest.symbol = coverage.symbol
            and rest.bucket_start_ns >= coverage.covered_from_ns
            and rest.bucket_end_ns <= coverage.covered_to_ns
),

paired as (
    select
        coalesce(ours.symbol, theirs.symbol) as symbol,
        coalesce(ours.timeframe, theirs.timeframe) as timeframe,
        coalesce(ours.bucket_start_ns, theirs.bucket_start_ns) as bucket_start_ns,
        ours.symbol is not null as is_here,
        theirs.symbol is not null as is_there,
        -- both quiet: Kraken repeats the close before, so that is what ours is compared by
        coalesce(ours.is_empty and theirs.is_empty, false) as is_quiet,
        ours.close_before,
        {% for field in ['open', 'high', 'low', 'close'] %}
        case when ours.is_empty and theirs.is_empty then ours.close_before else ours.{{ field }} end as our_{{ field }},
        theirs.{{ field }} as their_{{ field }},
        {% endfor %}
        {% for field in ['base_volume', 'vwap', 'trade_count'] %}
        ours.{{ field }} as our_{{ field }},
        theirs.{{ field }} as their_{{ field }},
        {% endfor %}
        ours.quote_volume as our_quote_volume,
        coalesce(theirs.fetched_at, ours.fetched_at) as fetched_at
    from {{ ref('comparable_candles') }} as ours
    full outer join theirs
        on
            ours.symbol = theirs.symbol
            and ours.timeframe = theirs.timeframe
            and ours.bucket_start_ns = theirs.bucket_start_ns
)

select
    paired.*,
    {{ timestamp_from_ns('paired.bucket_start_ns') }} as bucket_start,
    {{ decimal_step('markets.price_decimals') }} as price_step
from paired
left join {{ ref('stg_markets') }} as markets on paired.symbol = markets.symbol
