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

{# The variable kraken_candles_vwap_steps, checked. #}
{% macro vwap_steps() %}
    {%- set given = var('kraken_candles_vwap_steps') -%}
    {%- if given is not integer or given is boolean or given < 1 -%}
        {{ exceptions.raise_compiler_error('The variable kraken_candles_vwap_steps is ' ~ given ~ '; it must be a whole number from 1.') }}
    {%- endif -%}
    {{- return(given) -}}
{% endmacro %}
