{%- set blocks = partitions(['timeframe', 'symbol', 'block_start_ns']) %}
{%- set key = blocks or ['timeframe', 'symbol', 'bucket_start_ns'] %}
{{ config(
    materialized='incremental',
    incremental_strategy=key_strategy(),
    unique_key=key,
    partition_by=blocks,
    on_schema_change='fail',
    post_hook="{{ kraken_candles.set_marks(['load_versions']) }}",
) }}

{%- set figures = ['open', 'high', 'low', 'close', 'base_volume', 'vwap', 'trade_count'] %}
{%- set bucket = 'symbol, timeframe, timeframe_seconds, bucket_start_ns' %}

-- New answers are folded into what is stored of their buckets, or of blocks of 720, as many as an answer has, where partitions
-- are kept. What came first and last is kept by Kraken's time, so the order in which loads end does not matter, nor how often an
-- answer comes.
with

incoming as (
    select
        *,
        {{ ns_from_timestamp('bucket_start') }} as bucket_start_ns,
        {{ bucket_start(ns_from_timestamp('bucket_start'), 'timeframe_seconds * 720000000000') }} as block_start_ns
    from {{ source('kraken_raw', 'rest_candles').include(database=false) }}
    where {{ pending_loads() }}
),

given as (
    select
        {{ bucket }},
        {% for figure in figures %}
        {{ 'case when trade_count > 0 then vwap end as vwap' if figure == 'vwap' else figure }},
        {% endfor %}
        fetched_at as first_fetched_at,
        fetched_at as last_fetched_at,
        cast(null as timestamp) as known_first_fetched_at,
        cast(null as integer) as known_is_newest,
        cast(null as bigint) as known_version
    from incoming
    {% if is_incremental() -%}
    union all
    select
        {{ bucket }},
        {{ figures | join(', ') }},
        first_fetched_at,
        last_fetched_at,
        first_fetched_at as known_first_fetched_at,
        case when is_newest then 1 else 0 end as known_is_newest,
        version as known_version
    from {{ this }}
    where ({{ key | join(', ') }}) in (select incoming.{{ key | join(', incoming.') }} from incoming)
    {%- endif %}
),

folded as (
    select
        {{ bucket }},
        {{ figures | join(', ') }},
        min(first_fetched_at) as first_fetched_at,
        max(last_fetched_at) as last_fetched_at,
        max(known_first_fetched_at) as known_first_fetched_at,
        max(known_is_newest) as known_is_newest,
        max(known_version) as known_version
    from given
    group by {{ bucket }}, {{ figures | join(', ') }}
),

ordered as (
    select
        *,
        row_number() over (
            partition by symbol, timeframe, bucket_start_ns
            order by last_fetched_at desc, first_fetched_at desc, {{ figures | join(', ') }}
        ) as newness
    from folded
)

-- What only came once more, unchanged, keeps its version.
select
    timeframe_seconds,
    bucket_start_ns,
    {{ figures | join(', ') }},
    first_fetched_at,
    last_fetched_at,
    newness = 1 as is_newest,
    cast({{ timestamp_from_ns('bucket_start_ns') }} as date) as bucket_on,
    case
        when
            known_first_fetched_at = first_fetched_at
            and known_is_newest = case when newness = 1 then 1 else 0 end
            then known_version
        else {{ next_version('rest_versions') }}
    end as version,
    timeframe,
    symbol,
    {{ bucket_start('bucket_start_ns', 'timeframe_seconds * 720000000000') }} as block_start_ns
from ordered
order by bucket_start_ns, symbol, timeframe
