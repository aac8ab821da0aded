{{ config(
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol']),
    on_schema_change='append_new_columns',
    meta={'form': 4},
    pre_hook=[
        "{{ kraken_candles.clear_pending_units() }}",
        "drop table if exists {{ this.incorporate(path={'identifier': 'rollup_checks'}) }}",
    ],
    post_hook="{{ kraken_candles.set_marks(['day_versions'], ['day_candles', 'spanning_candles']) }}",
) }}

{%- set day_ns = 86400000000000 %}
{%- set day_start_ns = ns_from_timestamp('cast(units.bucket_on as timestamp)') %}
{%- set plan = timeframe_plan() %}
{%- set rolled = plan | rejectattr('parent', 'none') | list %}
{%- set taken = ['taker_buy_base_volume', 'taker_buy_quote_volume', 'taker_buy_count'] %}
{%- set fields = ['open', 'high', 'low', 'close', 'base_volume', 'quote_volume', 'trade_count'] + taken %}

-- What can be said of each unit from its own rows and from the finest candles that they span. A wrong row is counted as long as it
-- stands, so that no later build forgets it.
with

built as (
    select * from {{ built_candles() }} as ours
    where {{ pending_bounds('bucket_on', days_before=longest_days(), days_after=longest_days()) }}
),

units as (
    select
        bucket_on,
        symbol,
        timeframe,
        count(*) as candle_count,
        count(*) - count(distinct bucket_start_ns) as doubled_count,
        sum(case when is_closed then 1 else 0 end) as closed_count,
        sum(trade_count) as trade_count,
        {{ sum_exact('base_volume') }} as base_volume,
        sum(
            case
                when
                    (low <= open and low <= close and open <= high and close <= high)
                    and (vwap is null or (low <= vwap and vwap <= high))
                    and (vwap is null) = (base_volume = 0)
                    and trade_count > 0
                    and quote_volume is not null
                    and close is not null
                    and not is_empty
                    and coalesce(taker_buy_base_volume between 0 and base_volume, true)
                    and coalesce(taker_buy_quote_volume between 0 and quote_volume, true)
                    and coalesce(taker_buy_count between 0 and trade_count, true)
                    then 0
                when
                    is_empty
                    and trade_count = 0
                    and base_volume = 0
                    and quote_volume = 0
                    {% for field in taken -%}
                    and {{ field }} = 0
                    {% endfor -%}
                    and coalesce(open, high, low, close, vwap) is null
                    and coalesce(first_trade_id, last_trade_id) is null
                    then 0
                else 1
            end
        ) as unsound_count
    from built
    where (timeframe, symbol, bucket_on) in {{ pending_units() }}
    group by bucket_on, symbol, timeframe
),

-- the buckets of the grid that start on the day
expected as (
    select
        units.*,
        {{ bucket_start(day_start_ns ~ ' + ' ~ day_ns ~ ' - 1', 'timeframes.size_ns', 'timeframes.offset_ns') }} as last_start_ns,
        {{ bucket_start(day_start_ns ~ ' + timeframes.size_ns - 1', 'timeframes.size_ns', 'timeframes.offset_ns') }}
            as first_start_ns,
        timeframes.size_ns
    from units
    inner join {{ ref('timeframes') }} as timeframes on units.timeframe = timeframes.timeframe
),

-- Every candle against the finest candles it spans, in one step: the way up went over the timeframes between. Where the finest ones
-- cannot be made any more, there is nothing to compare with.
rootless as (
    {% for timeframe in rolled %}
    {%- set first_on = "cast(bucket_on - interval '" ~ (timeframe.seconds - 1) // 86400 ~ "' day as date)" if timeframe.spans_days else 'bucket_on' %}
    select
        '{{ timeframe.name }}' as timeframe,
        symbol,
        {{ days_between(first_on, 'bucket_on') }} as bucket_on
    from {{ ref('absent_days') }}
    where timeframe = '{{ timeframe.root }}'
    {% if not loop.last %}union all{% endif %}
    {% else %}
    select * from {{ ref('absent_days') }}
    where false
    {% endfor %}
),

spanned as (
    {% for timeframe in rolled %}
    select
        symbol,
        '{{ timeframe.name }}' as timeframe,
        {{ bucket_start('bucket_start_ns', timeframe.size_ns, timeframe.offset_ns) }} as bucket_start_ns,
        {{ first_by('open', 'bucket_start_ns') }} as open,
        max(high) as high,
        min(low) as low,
        {{ last_by('close', 'bucket_start_ns') }} as close,
        {{ sum_exact('base_volume') }} as base_volume,
        {{ sum_exact('quote_volume') }} as quote_volume,
        {{ taker_buys_of_candles() }},
        sum(trade_count) as trade_count
    from built
    where
        timeframe = '{{ timeframe.root }}'
        and not is_empty
        {% if not timeframe.spans_days -%}
        and {{ pending_bounds('bucket_on') }}
        {%- endif %}
    group by 1, 2, 3
    {% if not loop.last %}union all{% endif %}
    {% else %}
    select * from built
    where false
    {% endfor %}
),

rolled_up as (
    select
        cast(sum(case when
            built.is_empty <> (spanned.symbol is null)
            {% for field in fields -%}
            or (spanned.symbol is not null and built.{{ field }} is distinct from spanned.{{ field }})
            {% endfor -%}
        then 1 else 0 end) as bigint) as difference_count,
        built.timeframe,
        built.bucket_on,
        built.symbol
    from built
    left join spanned
        on
            built.symbol = spanned.symbol
            and built.timeframe = spanned.timeframe
            and built.bucket_start_ns = spanned.bucket_start_ns
    where
        built.timeframe in ('{{ rolled | map(attribute="name") | join("', '") }}')
        and (built.timeframe, built.symbol, built.bucket_on) in {{ pending_units() }}
        and (built.timeframe, built.symbol, built.bucket_on) not in (
            select
                rootless.timeframe,
                rootless.symbol,
                rootless.bucket_on
            from rootless
        )
    group by built.timeframe, built.symbol, built.bucket_on
),

made as (
    select
        expected.candle_count,
        expected.doubled_count,
        cast(expected.closed_count as bigint) as closed_count,
        expected.closed_count * expected.size_ns = expected.last_start_ns - expected.first_start_ns + expected.size_ns as is_complete,
        cast(expected.trade_count as bigint) as trade_count,
        cast(expected.base_volume as decimal(38, 12)) as base_volume,
        cast(expected.unsound_count as bigint) as unsound_count,
        rolled_up.difference_count,
        expected.timeframe,
        expected.bucket_on,
        expected.symbol
    from expected
    left join rolled_up
        on
            expected.timeframe = rolled_up.timeframe
            and expected.symbol = rolled_up.symbol
            and expected.bucket_on = rolled_up.bucket_on
)

{{ kept_beside('made', pending_units()) }}
