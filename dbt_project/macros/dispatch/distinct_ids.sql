{# How many different ids above 0 there are among trades of one id_run, the run of neighbouring ids that one lies in: each is a bit, for to
   keep all ids of a day for counting the different ones costs twice the rest. Long runs are few groups. #}
{% macro distinct_ids(trade_id) %}
    {{- return(adapter.dispatch('distinct_ids', 'kraken_candles')(trade_id)) -}}
{% endmacro %}

{% macro default__distinct_ids(trade_id) -%}
    bit_count(bitstring_agg(case when {{ trade_id }} > 0 then cast({{ trade_id }} & 1023 as int) end, 0, 1023))
{%- endmacro %}

{% macro spark__distinct_ids(trade_id) -%}
    bit_count(bit_or(case when {{ trade_id }} > 0 then {{ kraken_candles.bucket_bit(trade_id, 1) }} end))
{%- endmacro %}

{% macro id_run(trade_id) %}
    {{- return(adapter.dispatch('id_run', 'kraken_candles')(trade_id)) -}}
{% endmacro %}

{% macro default__id_run(trade_id) -%}
    ({{ trade_id }} >> 10)
{%- endmacro %}

{% macro spark__id_run(trade_id) -%}
    ({{ trade_id }} div 60)
{%- endmacro %}
