{# Post-hook of an incremental model: writes down up to which version of each producer it was built. On DuckDB the hook commits
   together with the rows; elsewhere it comes after them, so that what a crash leaves is built again. #}
{% macro set_marks(producers) %}
    {%- set settings = kraken_candles.settings_text() if execute -%}
    {%- for producer in producers %}
    {% if not loop.first %}union all{% else %}insert into {{ ref('build_marks') }}{% endif %}
    select
        '{{ model.name }}' as consumer,
        '{{ producer }}' as producer,
        coalesce(max(version), 0) as version,
        '{{ settings }}' as settings,
        {{ kraken_candles.utc_now() }} as marked_at
    from {{ ref(producer) }}
    having coalesce(max(version), 0) <> {{ kraken_candles.mark_of(producer) }}
    {%- endfor %}
{% endmacro %}
