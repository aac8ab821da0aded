{# A row for each of from_ns, from_ns + step_ns, ... below to_ns; none where to_ns is not above from_ns. Stands in a select list. #}
{% macro bucket_series(from_ns, to_ns, step_ns) %}
    {{- return(adapter.dispatch('bucket_series', 'kraken_candles')(from_ns, to_ns, step_ns)) -}}
{% endmacro %}

{% macro default__bucket_series(from_ns, to_ns, step_ns) -%}
    unnest(range({{ from_ns }}, {{ to_ns }}, {{ step_ns }}))
{%- endmacro %}

{# Spark's sequence holds its last value too, and fails where it should be empty. #}
{% macro spark__bucket_series(from_ns, to_ns, step_ns) -%}
    explode(
        if(
            ({{ from_ns }}) < ({{ to_ns }}),
            sequence({{ from_ns }}, ({{ to_ns }}) - 1, {{ step_ns }}),
            cast(array() as array<bigint>)
        )
    )
{%- endmacro %}
