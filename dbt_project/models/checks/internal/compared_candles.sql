{{ config(
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol']),
    on_schema_change='fail',
    meta={'settings': [
        'kraken_candles_tolerance_price', 'kraken_candles_tolerance_base_volume', 'kraken_candles_tolerance_trade_count',
        'kraken_candles_vwap_steps',
    ]},
    pre_hook="{{ kraken_candles.clear_compared_units() }}",
    post_hook=[
        "{{ kraken_candles.set_marks(['day_versions'], ['day_candles', 'spanning_candles']) }}",
        "{{ kraken_candles.set_marks(kraken_candles.compared_producers()[1:]) }}",
    ],
) }}

{%- set fields = compared_fields() %}

with

ours as (
    select * from {{ ref('built_candles') }}
    where is_closed and {{ compared_bounds('bucket_on') }}
),

theirs as (
    select * from {{ ref('their_candles') }}
    where {{ is_compared_unit() }}
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

{{ kept_beside('made', compared_units()) }}
order by bucket_start_ns, symbol, timeframe
