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
{%- set prices = fields[:4] %}

with

ours as (
    select * from {{ ref('built_candles') }}
    where is_closed and {{ compared_bounds('bucket_on') }}
),

theirs as (
    select * from {{ ref('their_candles') }}
    where {{ is_compared_unit() }}
),

-- Both quiet: Kraken repeats the close before, so that is what ours is compared by.
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
        {% for field in fields %}
        {% if field in prices -%}
        case when ours.is_empty and theirs.trade_count = 0 then ours.close_before else ours.{{ field }} end as our_{{ field }},
        {%- else -%}
        ours.{{ field }} as our_{{ field }},
        {%- endif %}
        theirs.{{ field }} as their_{{ field }},
        {% endfor %}
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

judged as (
    select
        {% for field in fields %}
        {{ verdict(field) }} as {{ field }}_verdict,
        {% endfor %}
        *
    from paired
),

-- All that Kraken said of the bucket, beside what it said last.
gathered as (
    select
        {% for field in fields %}
        min({{ field }}_verdict) over (partition by symbol, timeframe, bucket_start_ns) as {{ field }}_best,
        max({{ field }}_verdict) over (partition by symbol, timeframe, bucket_start_ns) as {{ field }}_worst,
        {% endfor %}
        *
    from judged
),

statuses as (
    select
        {% for field in fields %}
        case
            when not is_here then 'missing_here'
            when not is_there then 'missing_there'
            when {{ field }}_best <> {{ field }}_worst then 'revised'
            when {{ field }}_worst = 0 then 'identical'
            when {{ field }}_worst = 1 then 'unknown_here'
            else 'differs'
        end as {{ field }}_status,
        {% endfor %}
        *
    from gathered
    where is_newest
),

{%- set in_any = "in (" ~ fields | join('_status, ') ~ "_status)" %}

made as (
    select
        bucket_start_ns,
        cast(
            case
                {% for status in ['missing_here', 'differs', 'revised', 'missing_there', 'unknown_here'] %}
                when '{{ status }}' {{ in_any }} then '{{ status }}'
                {% endfor %}
                else 'identical'
            end as {{ dbt.type_string() }}
        ) as bucket_status,
        {% for field in fields %}
        cast(our_{{ field }} as decimal(38, 12)) as our_{{ field }},
        cast(their_{{ field }} as decimal(38, 12)) as their_{{ field }},
        cast({{ field }}_status as {{ dbt.type_string() }}) as {{ field }}_status,
        {% endfor %}
        fetched_at,
        timeframe,
        bucket_on,
        symbol
    from statuses
)

{{ kept_beside('made', compared_units()) }}
order by bucket_start_ns, symbol, timeframe
