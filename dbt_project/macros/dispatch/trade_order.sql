{# A trade's place in the total order of its symbol: by second, within one by id, for a time may step back a little where ids rise; a
   trade without an id stands behind the trade whose id came before it, in Kraken's order, and with none by time. Trade ids stay below
   1e14, places below 1e5. One number, for a struct key costs three times as much; what only trades without an id need is left to them,
   for a branch that no row of a block takes costs nothing. #}
{% macro trade_order(time_ns='time_ns', trade_id='trade_id', after_trade_id='after_trade_id', place='place') %}
    {{- return(adapter.dispatch('trade_order', 'kraken_candles')(time_ns, trade_id, after_trade_id, place)) -}}
{% endmacro %}

{% macro default__trade_order(time_ns, trade_id, after_trade_id, place) -%}
    {%- set second -%} cast({{ time_ns }} // 1000000000 as hugeint) * 10000000000000000000000000000 {%- endset -%}
    case
        when {{ trade_id }} > 0
            then {{ second }} + cast({{ trade_id }} as hugeint) * 100000000000000
        else
            {{ second }} + cast({{ after_trade_id }} as hugeint) * 100000000000000 + ({{ time_ns }} % 1000000000 * 100000 + {{ place }})
    end
{%- endmacro %}

{% macro spark__trade_order(time_ns, trade_id, after_trade_id, place) -%}
    cast(
        cast({{ time_ns }} div 1000000000 as decimal(10, 0)) * cast(10000000000000000000000000000 as decimal(29, 0))
        + cast({{ trade_id }} + {{ after_trade_id }} as decimal(19, 0)) * cast(100000000000000 as decimal(15, 0))
        + case when {{ trade_id }} > 0 then 0 else {{ time_ns }} % 1000000000 * 100000 + {{ place }} end
        as decimal(38, 0)
    )
{%- endmacro %}
