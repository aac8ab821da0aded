{# A BIGINT of which one bit is set: that of the bucket's place among the 60 of its length that begin at a multiple of 60 of them; ids are
   buckets of length 1. Different ones of such a run are counted by bit_count(bit_or(...)), in a number of fixed size: sets of values would
   not fit into memory. #}
{% macro bucket_bit(bucket_start_ns, size_ns) %}
    {{- return(adapter.dispatch('bucket_bit', 'kraken_candles')(bucket_start_ns, size_ns)) -}}
{% endmacro %}

{% macro default__bucket_bit(bucket_start_ns, size_ns) -%}
    (cast(1 as bigint) << cast((({{ bucket_start_ns }}) // ({{ size_ns }})) % 60 as bigint))
{%- endmacro %}

{% macro spark__bucket_bit(bucket_start_ns, size_ns) -%}
    shiftleft(cast(1 as bigint), cast((({{ bucket_start_ns }}) div ({{ size_ns }})) % 60 as int))
{%- endmacro %}
