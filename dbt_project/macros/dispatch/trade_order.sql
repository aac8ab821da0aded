{# A trade's place in the total order of its symbol: by time, then by id; a trade without an id stands behind the trade whose
   id came before it, in Kraken's order. Trade ids stay below 1e14, places below 1e5.
   One number, for a struct key costs three times as much. #}
{% macro trade_order(time_ns='time_ns', trade_id='trade_id', after_trade_id='after_trade_id', place='place') %}
    {{- return(adapter.dispatch('trade_order', 'kraken_candles')(time_ns, trade_id, after_trade_id, place)) -}}
{% endmacro %}

{% macro default__trade_order(time_ns, trade_id, after_trade_id, place) -%}
    cast({{ time_ns }} as hugeint) * 10000000000000000000
    + cast({{ trade_id }} + {{ after_trade_id }} as hugeint) * 100000
    + {{ place }}
{%- endmacro %}

{% macro spark__trade_order(time_ns, trade_id, after_trade_id, place) -%}
    cast(
        cast({{ time_ns }} as decimal(19, 0)) * cast(10000000000000000000 as decimal(20, 0))
        + cast({{ trade_id }} + {{ after_trade_id }} as decimal(19, 0)) * cast(100000 as decimal(6, 0))
        + {{ place }}
        as decimal(38, 0)
    )
{%- endmacro %}
