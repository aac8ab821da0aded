{# What models by unit (timeframe, symbol, bucket_on) share. units is the subquery of those that changed since this model was built,
   producers are those whose versions it follows. #}

{# Whether this model is to be made anew as a whole. #}
{% macro renews_all(producers) %}
    {%- for producer in producers if kraken_candles.mark_of(producer) < 0 -%}
        {{- return(true) -}}
    {%- endfor -%}
    {{- return(false) -}}
{% endmacro %}

{# Literal bounds on a column of days that hold all units; of timestamps with kind='timestamp'. #}
{% macro unit_bounds(column, units, producers, kind='date') %}
    {%- if not execute or kraken_candles.renews_all(producers) -%}
        {{- return('true') -}}
    {%- endif -%}
    {%- set query = 'select distinct bucket_on from ' ~ units ~ ' as units order by 1' -%}
    {{- return(kraken_candles.day_bounds(column, kraken_candles.asked_once(query) | map('first') | list, kind=kind)) -}}
{% endmacro %}

{# A condition on a row's unit, bounds included. #}
{% macro is_unit(units, producers) %}
    {%- if not execute or kraken_candles.renews_all(producers) -%}
        {{- return('true') -}}
    {%- endif -%}
    {{- return(kraken_candles.unit_bounds('bucket_on', units, producers) ~ ' and (timeframe, symbol, bucket_on) in ' ~ units) -}}
{% endmacro %}

{# The symbols of the units as literals, for tables that lie file by file; up to 200 of them. #}
{% macro unit_symbols(column, units, producers) %}
    {%- if not execute or kraken_candles.renews_all(producers) -%}
        {{- return('true') -}}
    {%- endif -%}
    {%- set symbols = kraken_candles.asked_once('select distinct symbol from ' ~ units ~ ' as units order by 1') | map('first') | list -%}
    {%- if symbols | length > 200 -%}
        {{- return('true') -}}
    {%- endif -%}
    {%- set literals = [] -%}
    {%- for symbol in symbols -%}{%- do literals.append(dbt.string_literal(dbt.escape_single_quotes(symbol))) -%}{%- endfor -%}
    {{- return(column ~ ' in (' ~ literals | join(', ') ~ ')' if literals else 'false') -}}
{% endmacro %}

{# The pre-hook of such models. #}
{% macro clear_changed_units(units, producers) %}
    {%- if execute and is_incremental() and kraken_candles.renews_all(producers) -%}
    {{- kraken_candles.clear_all() -}}
    {%- else -%}
    {{- kraken_candles.clear_unit_rows(units, kraken_candles.unit_bounds('bucket_on', units, producers)) -}}
    {%- endif -%}
{% endmacro %}
