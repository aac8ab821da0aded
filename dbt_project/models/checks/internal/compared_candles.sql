{{ config(
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol']),
    on_schema_change='fail',
    meta={'settings': [
        'kraken_candles_tolerance_price', 'kraken_candles_tolerance_base_volume', 'kraken_candles_tolerance_trade_count',
        'kraken_candles_vwap_steps',
    ]},
    pre_hook="{{ kraken_candles.clear_changed_units(kraken_candles.compared_units(), kraken_candles.compared_producers()) }}",
    post_hook=[
        "{{ kraken_candles.set_marks(['day_versions'], ['day_candles', 'spanning_candles']) }}",
        "{{ kraken_candles.set_marks(kraken_candles.compared_producers()[1:]) }}",
    ],
) }}

{%- set fields = compared_fields() %}
{%- set units = compared_units() %}
{%- set producers = compared_producers() %}

with

ours as (
    select * from {{ built_candles() }} as built
    where is_closed and {{ unit_bounds('bucket_on', units, producers) }}
),

-- Kraken's candles of a length that we do not make, or that we count from another moment, have nothing to be compared with, nor
-- have those of buckets of ours that cannot be made any more.
comparable as (
    select
        rest.timeframe,
        rest.symbol,
        rest.bucket_on,
        rest.bucket_start_ns,
        {% for field in fields %}
        rest.{{ field }},
        {% endfor %}
        rest.is_newest,
        true as is_there,
        rest.first_fetched_at as fetched_at
    from {{ ref('rest_versions') }} as rest
    {{ joined_for_comparing('rest') }}
    where absent.symbol is null
),

-- Between the first and the last candle of one answer Kraken left these out; between two answers nobody may have asked.
left_out as (
    select
        built.timeframe,
        built.symbol,
        built.bucket_on,
        built.bucket_start_ns,
        {% for field in fields %}
        cast(null as {{ 'bigint' if field == 'trade_count' else 'decimal(38, 12)' }}) as {{ field }},
        {% endfor %}
        true as is_newest,
        false as is_there,
        min(answers.fetched_at) as fetched_at
    from {{ built_candles() }} as built
    inner join {{ ref('rest_snapshots') }} as answers
        on
            built.symbol = answers.symbol
            and built.timeframe = answers.timeframe
            and built.bucket_start_ns >= answers.first_bucket_ns
            and built.bucket_start_ns <= answers.last_bucket_ns
    inner join {{ ref('timeframes') }} as timeframes
        on
            answers.timeframe = timeframes.timeframe
            and answers.timeframe_seconds * 1000000000 = timeframes.size_ns
            and timeframes.offset_ns = 0
    left join {{ ref('rest_versions') }} as rest
        on
            built.symbol = rest.symbol
            and built.timeframe = rest.timeframe
            and built.bucket_on = rest.bucket_on
            and built.bucket_start_ns = rest.bucket_start_ns
    where built.is_closed and not answers.is_whole and rest.symbol is null
    group by built.timeframe, built.symbol, built.bucket_on, built.bucket_start_ns
),

theirs as (
    select * from comparable
    where {{ is_unit(units, producers) }}
    union all
    select * from left_out
    where {{ is_unit(units, producers) }}
),

paired as (
    select
        theirs.timeframe,
        theirs.symbol,
        theirs.bucket_on,
        theirs.bucket_start_ns,
        theirs.is_newest,
        theirs.is_there,
        theirs.fetched_at,
        ours.symbol is not null as is_here,
        coalesce(ours.is_empty and theirs.trade_count = 0, false) as is_quiet,
        {{ paired_fields(fields) }}
        ours.quote_volume as our_quote_volume,
        markets.price_decimals
    from theirs
    left join ours
        on
            theirs.symbol = ours.symbol
            and theirs.timeframe = ours.timeframe
            and theirs.bucket_on = ours.bucket_on
            and theirs.bucket_start_ns = ours.bucket_start_ns
    left join {{ ref('market_versions') }} as markets on theirs.symbol = markets.symbol
),

{{ judged_candles(fields, ['fetched_at'], has_answers=true) }}

{{ kept_beside('made', units) }}
order by bucket_start_ns, symbol, timeframe
