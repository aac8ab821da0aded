{# The units (timeframe, symbol, bucket_on) of which Kraken's candles or our coverage changed since this model was built, as a subquery. #}
{% macro rest_units() -%}
    (
        select timeframe, symbol, bucket_on
        from {{ kraken_candles.pending_units() }} as ours
        union
        select timeframe, symbol, bucket_on
        from {{ ref('rest_versions') }}
        where version > {{ kraken_candles.mark_of('rest_versions') }}
    )
{%- endmacro %}

{# Whether this model is to be made anew as a whole. #}
{% macro renews_rest() %}
    {{- return(kraken_candles.mark_of('day_versions') < 0 or kraken_candles.mark_of('rest_versions') < 0) -}}
{% endmacro %}

{# A condition on a row's unit, with literal bounds. #}
{% macro is_rest_unit() %}
    {%- set units = kraken_candles.rest_units() -%}
    {%- if not execute or kraken_candles.renews_rest() -%}
        {{- return('true') -}}
    {%- endif -%}
    {%- set days = run_query('select distinct bucket_on from ' ~ units ~ ' as units order by 1').columns[0].values() -%}
    {{- return(kraken_candles.day_bounds('bucket_on', days) ~ ' and (timeframe, symbol, bucket_on) in ' ~ units) -}}
{% endmacro %}

{# The pre-hook of models by these units. #}
{% macro clear_rest_units() %}
    {%- if execute and is_incremental() and kraken_candles.renews_rest() -%}
    {{- kraken_candles.clear_all() -}}
    {%- else -%}
    {{- kraken_candles.clear_unit_rows(kraken_candles.rest_units()) -}}
    {%- endif -%}
{% endmacro %}
