{# CTEs `rest`, Kraken's newest candles that meet a condition, and `added`: a row for each of them and each finer timeframe that has all
   candles of its bucket, with what these add up to and whether that contradicts it. #}
{% macro added_rest_candles(condition='true') -%}
rest as (
    select
        symbol,
        timeframe,
        timeframe_seconds * 1000000000 as size_ns,
        bucket_on,
        bucket_start_ns,
        {{ kraken_candles.compared_fields('archive') | join(', ') }}
    from {{ ref('rest_versions') }}
    where is_newest and {{ condition }}
),

sizes as (
    select distinct
        symbol,
        size_ns
    from rest
),

{#- Nothing traded in some of them; their prices are the close before. #}
{%- set first_first = 'case when finer.trade_count > 0 then finer.bucket_start_ns else 9223372036854775807 end' %}
{%- set last_last = 'case when finer.trade_count > 0 then finer.bucket_start_ns else -1 end' %}

sums as (
    select
        finer.symbol,
        sizes.size_ns,
        {{ kraken_candles.bucket_start('finer.bucket_start_ns', 'sizes.size_ns') }} as bucket_start_ns,
        finer.timeframe as finer_timeframe,
        sum(finer.trade_count) as trade_count,
        {{ kraken_candles.sum_exact('finer.base_volume') }} as base_volume,
        {{ kraken_candles.first_by('finer.open', first_first) }} as open,
        max(case when finer.trade_count > 0 then finer.high end) as high,
        min(case when finer.trade_count > 0 then finer.low end) as low,
        {{ kraken_candles.last_by('finer.close', last_last) }} as close
    from rest as finer
    inner join sizes
        on finer.symbol = sizes.symbol and finer.size_ns < sizes.size_ns and sizes.size_ns % finer.size_ns = 0
    group by
        finer.symbol,
        sizes.size_ns,
        {{ kraken_candles.bucket_start('finer.bucket_start_ns', 'sizes.size_ns') }},
        finer.timeframe,
        finer.size_ns
    having count(*) * finer.size_ns = sizes.size_ns
),

added as (
    select
        sums.*,
        rest.timeframe,
        sums.trade_count <> rest.trade_count
        or sums.base_volume <> rest.base_volume
        or coalesce({% for field in ['open', 'high', 'low', 'close'] -%}
            sums.{{ field }} <> rest.{{ field }}{{ ' or ' if not loop.last }}
        {%- endfor %}, false) and rest.trade_count > 0 as is_contradicted
    from sums
    inner join rest
        on sums.symbol = rest.symbol and sums.size_ns = rest.size_ns and sums.bucket_start_ns = rest.bucket_start_ns
)
{%- endmacro %}
