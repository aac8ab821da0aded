{# Pre-hook of a model with replace_strategy: takes away the rows of the units that are made anew. units is a query of the values of
   columns; bounds, a literal condition for pruning. Nothing where the whole table is made anew by dbt. #}
{% macro clear_units(columns, units, bounds='true') %}
    {%- if execute and is_incremental() -%}
    {{- adapter.dispatch('clear_units', 'kraken_candles')(columns, units, bounds) -}}
    {%- endif -%}
{% endmacro %}

{% macro default__clear_units(columns, units, bounds) -%}
    delete from {{ this }} where {{ bounds }} and ({{ columns | join(', ') }}) in {{ units }}
{%- endmacro %}

{# Their partitions; Parquet on Spark knows no delete. #}
{% macro spark__clear_units(columns, units, bounds) -%}
    {{- kraken_candles.drop_partitions(this, 'select ' ~ columns | join(', ') ~ ' from ' ~ units ~ ' as pending', columns) -}}
{%- endmacro %}

{# The pre-hook of models by (symbol, bucket_on), with what day_versions says. A change of settings clears everything. #}
{% macro clear_pending_days(day_column) %}
    {%- if execute and is_incremental() and kraken_candles.mark_of('day_versions') < 0 -%}
    {{- kraken_candles.clear_all() -}}
    {%- else -%}
    {{- kraken_candles.clear_units(['symbol', day_column], kraken_candles.pending_days(), kraken_candles.pending_bounds(day_column)) -}}
    {%- endif -%}
{% endmacro %}

{% macro clear_all() %}
    {{- adapter.dispatch('clear_all', 'kraken_candles')() -}}
{% endmacro %}

{% macro default__clear_all() -%}
    delete from {{ this }}
{%- endmacro %}

{% macro spark__clear_all() -%}
    truncate table {{ this }}
{%- endmacro %}
