{# A tolerance variable as an exact decimal literal; a compiler error where it is not a number from 0 with 12 decimals at the most. #}
{% macro tolerance(name) %}
    {%- set given = var(name) -%}
    {%- set text = '%.12f' | format(given) if given is number and given is not boolean else '' -%}
    {%- if not text or given < 0 or text | float != given -%}
        {{ exceptions.raise_compiler_error(
            'The variable ' ~ name ~ ' is ' ~ given ~ '; it must be a number from 0, with 12 decimals at the most.'
        ) }}
    {%- endif -%}
    {{- return('cast(' ~ text ~ ' as decimal(38, 12))') -}}
{% endmacro %}

{# How far our volume may lie from that of an OHLCVT file, which is a sum of floats. A float itself, as exact as a tolerance need be. #}
{% macro archive_volume_tolerance(theirs='their_base_volume') -%}
    cast({{ kraken_candles.tolerance('kraken_candles_tolerance_archive_volume') }} as double)
    + cast({{ kraken_candles.tolerance('kraken_candles_tolerance_archive_volume_relative') }} as double)
    * cast({{ theirs }} as double)
{%- endmacro %}

{# The variable kraken_candles_vwap_steps, checked. #}
{% macro vwap_steps() %}
    {%- set given = var('kraken_candles_vwap_steps') -%}
    {%- if given is not integer or given is boolean or given < 1 -%}
        {{ exceptions.raise_compiler_error('The variable kraken_candles_vwap_steps is ' ~ given ~ '; it must be a whole number from 1.') }}
    {%- endif -%}
    {{- return(given) -}}
{% endmacro %}
