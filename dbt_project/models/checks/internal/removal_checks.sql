{{ config(
    tags='removals',
    post_hook=[
        "{{ kraken_candles.forget_kept('kept_candles') }}",
        "{{ kraken_candles.forget_kept('kept_days') }}",
        "{{ kraken_candles.keep_candles() }}",
        "{{ kraken_candles.keep_days() }}",
    ],
) }}

{%- set day_ns = 86400000000000 %}

-- Made anew in each build, and of the days of which removal is wanted alone: they are few, and anything about them may have
-- changed.
with

wanted as (
    select
        symbol,
        removed_on,
        {{ ns_from_timestamp('cast(removed_on as timestamp)') }} as day_start_ns
    from {{ trade_removals() }} as removals
    where is_wanted
),

timeframes as (
    select * from {{ ref('timeframes') }}
    where not spans_days
),

holes as (
    select distinct
        wanted.symbol,
        wanted.removed_on
    from wanted
    inner join {{ ref('id_holes') }} as holes
        on
            wanted.symbol = holes.symbol
            and wanted.day_start_ns + {{ day_ns }} > holes.from_time_ns
            and wanted.day_start_ns <= holes.to_time_ns
),

accepted as (
    {{ accepted_buckets(ref('compared_candles'), 'rest') }}
),

differing as (
    select distinct
        wanted.symbol,
        wanted.removed_on
    from wanted
    inner join {{ ref('compared_candles') }} as candles on wanted.symbol = candles.symbol
    inner join {{ ref('timeframes') }} as timeframes on candles.timeframe = timeframes.timeframe
    left join accepted
        on
            candles.timeframe = accepted.timeframe
            and candles.symbol = accepted.symbol
            and candles.bucket_start_ns = accepted.bucket_start_ns
    where
        {{ wanted_bounds('candles.bucket_on', days_before=longest_days()) }}
        and candles.bucket_status in ('differs', 'missing_here')
        and candles.bucket_start_ns < wanted.day_start_ns + {{ day_ns }}
        and candles.bucket_start_ns + timeframes.size_ns > wanted.day_start_ns
        and accepted.symbol is null
),

-- The candles of every timeframe within a day must hold the very trades that coverage counts, and agree with each other.
counted as (
    select
        checks.symbol,
        checks.bucket_on,
        checks.timeframe,
        checks.trade_count,
        checks.base_volume,
        checks.is_complete
        and checks.doubled_count = 0
        and checks.unsound_count = 0
        and coalesce(checks.difference_count, 0) = 0 as is_right
    from {{ ref('day_checks') }} as checks
    inner join timeframes on checks.timeframe = timeframes.timeframe
    where {{ wanted_bounds('checks.bucket_on') }}
),

right_candles as (
    select
        pieces.symbol,
        pieces.covered_on,
        pieces.from_ns,
        count(*) as timeframe_count
    from {{ ref('verified_days') }} as pieces
    inner join counted
        on
            pieces.symbol = counted.symbol
            and pieces.covered_on = counted.bucket_on
            and pieces.trade_count = counted.trade_count
            and pieces.base_volume = counted.base_volume
    where counted.is_right
    group by pieces.symbol, pieces.covered_on, pieces.from_ns
)

select
    wanted.symbol,
    wanted.removed_on,
    coalesce(pieces.trade_count, 0) as trade_count,
    coalesce(pieces.is_bare, false) as is_bare,
    cast(
        case
            when pieces.symbol is null then 'not_covered'
            when not pieces.is_sound then 'trades_lost'
            when holes.symbol is not null then 'id_hole'
            when pieces.trade_count = 0 then 'no_trades'
            when not pieces.has_ids then 'no_ids'
            when coalesce(right_candles.timeframe_count, 0) < (select count(*) from timeframes) then 'not_checked'
            when differing.symbol is not null then 'differs'
        end as {{ dbt.type_string() }}
    ) as reason
from wanted
left join {{ ref('verified_days') }} as pieces
    on
        wanted.symbol = pieces.symbol
        and wanted.removed_on = pieces.covered_on
        and wanted.day_start_ns = pieces.from_ns
        and wanted.day_start_ns + {{ day_ns }} = pieces.to_ns
left join right_candles
    on
        pieces.symbol = right_candles.symbol
        and pieces.covered_on = right_candles.covered_on
        and pieces.from_ns = right_candles.from_ns
left join holes on wanted.symbol = holes.symbol and wanted.removed_on = holes.removed_on
left join differing on wanted.symbol = differing.symbol and wanted.removed_on = differing.removed_on
