{# Up to which version of certified_days candle_revisions was built. #}
{% macro copied_revisions() %}
    {%- set marks = ref('build_marks') if not execute or is_incremental() -%}
    {%- if not execute or not is_incremental() -%}
        {{- return(0) -}}
    {%- endif -%}
    {%- set query = "select coalesce(max(version), 0) from " ~ marks
        ~ " where consumer = 'candle_revisions' and producer = 'certified_days'" -%}
    {{- return(kraken_candles.asked_once(query)[0][0] | int) -}}
{% endmacro %}
