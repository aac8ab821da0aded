{# A condition on _dlt_load_id of a raw table that holds for the loads completed since this model was built. Literal ids, for the engine to
   prune by; more than 200 are looked up in the table of loads. #}
{% macro pending_loads() %}
    {%- set loads = ref('load_versions') -%}
    {%- set mark = kraken_candles.mark_of('load_versions') -%}
    {%- if not execute or mark < 0 -%}
        {{- return('_dlt_load_id in (select load_id from ' ~ loads ~ ')') -}}
    {%- endif -%}
    {%- set ids = kraken_candles.asked_once('select load_id from ' ~ loads ~ ' where version > ' ~ mark ~ ' order by 1') | map('first') | list -%}
    {%- if ids | length == 0 -%}
        {{- return('false') -}}
    {%- elif ids | length > 200 -%}
        {{- return('_dlt_load_id in (select load_id from ' ~ loads ~ ' where version > ' ~ mark ~ ')') -}}
    {%- endif -%}
    {{- return("_dlt_load_id in ('" ~ ids | join("', '") ~ "')") -}}
{% endmacro %}

{# The version that this build gives to rows of a producer: above those that stand in it, and above what its consumers have marked. #}
{% macro next_version(producer) -%}
    cast(
        {%- if is_incremental() %}
        (select coalesce(max(version), 0) + 1 from {{ this }})
        {%- else %}
        (select coalesce(max(version), 0) + 1 from {{ ref('build_marks') }} where producer = '{{ producer }}')
        {%- endif %}
        as bigint
    )
{%- endmacro %}
