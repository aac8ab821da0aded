{# Pre-hook of a model with replace_strategy: takes away the rows of the units that are made anew. units is a query of the values of
   columns; bounds, a literal condition for pruning, false where there is no unit. Nothing where the whole table is made anew by dbt. #}
{% macro clear_units(columns, units, bounds='true') %}
    {%- if execute and is_incremental() and bounds != 'false' -%}
    {{- adapter.dispatch('clear_units', 'kraken_candles')(columns, units, bounds) -}}
    {%- endif -%}
{% endmacro %}

{% macro default__clear_units(columns, units, bounds) -%}
    delete from {{ this }} where {{ bounds }} and ({{ columns | join(', ') }}) in {{ units }}
{%- endmacro %}

{# Their partitions; Parquet on Spark knows no delete. #}
{% macro spark__clear_units(columns, units, bounds) -%}
    {%- set names = columns | join(', ') -%}
    {{- kraken_candles.drop_partitions(this, 'select ' ~ names ~ ' from ' ~ units ~ ' as pending (' ~ names ~ ')', columns) -}}
{%- endmacro %}

{# The same for units (timeframe, symbol, bucket_on). On Spark their tables are in partitions by symbol, for a partition a unit would be
   thousands of tiny files: only a symbol of which nothing stays is dropped here, and kept_beside writes what stays once more. #}
{% macro clear_unit_rows(units, bounds='true') %}
    {%- if execute and is_incremental() and bounds != 'false' -%}
    {{- adapter.dispatch('clear_unit_rows', 'kraken_candles')(units, bounds) -}}
    {%- endif -%}
{% endmacro %}

{% macro default__clear_unit_rows(units, bounds) -%}
    {{- kraken_candles.clear_units(['timeframe', 'symbol', 'bucket_on'], units, bounds) -}}
{%- endmacro %}

{% macro spark__clear_unit_rows(units, bounds) -%}
    {%- set emptied -%}
        select pending.symbol
        from {{ units }} as pending
        left join (
            select distinct stored.symbol
            from {{ this }} as stored
            left anti join {{ units }} as renewed
                on
                    stored.timeframe = renewed.timeframe
                    and stored.symbol = renewed.symbol
                    and stored.bucket_on = renewed.bucket_on
        ) as kept on pending.symbol = kept.symbol
        where kept.symbol is null
    {%- endset -%}
    {{- kraken_candles.drop_partitions(this, emptied, ['symbol']) -}}
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
