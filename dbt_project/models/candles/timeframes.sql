{{ config(materialized='ephemeral') }}

{% for timeframe in var('kraken_candles_timeframes') %}
select
    cast('{{ timeframe.name }}' as string) as timeframe,
    cast({{ timeframe.seconds }} as bigint) * 1000000000 as timeframe_ns
{% if not loop.last %}union all{% endif %}
{% endfor %}
