{# The one spelling of a decimal, bigint or boolean, '' for NULL: a decimal with all digits of its scale and no exponent.
   Its precision must be above its scale: else DuckDB leaves out the 0 before the point. #}
{% macro text_of(value) %}
    {{- return(adapter.dispatch('text_of', 'kraken_candles')(value)) -}}
{% endmacro %}

{% macro default__text_of(value) -%}
    coalesce(cast({{ value }} as varchar), '')
{%- endmacro %}

{# A plain cast spells small decimals 1E-12 unless ANSI mode is on, which dbt-spark turns off; try_cast never does. #}
{% macro spark__text_of(value) -%}
    coalesce(try_cast({{ value }} as string), '')
{%- endmacro %}

{# The same of a DECIMAL(38,12), as prices and volumes are. #}
{% macro text_of_decimal(value) %}
    {{- return(adapter.dispatch('text_of_decimal', 'kraken_candles')(value)) -}}
{% endmacro %}

{# DuckDB spells a narrow decimal in a third of the time, and most fit; try_cast alone would take thrice as long where they do not. #}
{% macro default__text_of_decimal(value) -%}
    coalesce(
        case when {{ value }} < 1000000 then cast(try_cast({{ value }} as decimal(18, 12)) as varchar) end,
        cast({{ value }} as varchar),
        ''
    )
{%- endmacro %}

{% macro spark__text_of_decimal(value) %}
    {{- return(kraken_candles.text_of(value)) -}}
{% endmacro %}
