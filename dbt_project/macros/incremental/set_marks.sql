{# Post-hook of an incremental model: writes down up to which version of each producer it was built. On DuckDB the hook commits
   together with the rows; elsewhere it comes after them, so that what a crash leaves is built again.
   parents: the models by the same producers that this one is made of. It is no further than they are, though a build of a part may have
   left them behind. #}
{% macro set_marks(producers, parents=[]) %}
    {%- set marks = ref('build_marks') -%}
    {%- set timeframes = ref('timeframes') -%}
    {%- set settings = kraken_candles.settings_text() if execute -%}
    {%- if execute -%}{%- do kraken_candles.check_timeframes(timeframes) -%}{%- endif -%}
    {%- for producer in producers %}
    {%- set version -%}
        least(
            coalesce(max(version), 0)
            {%- for parent in parents if execute %}, {{ kraken_candles.mark_of_parent(marks, parent, producer) }}{% endfor %}
            , 9223372036854775807
        )
    {%- endset %}
    {% if not loop.first %}union all{% else %}insert into {{ marks }}{% endif %}
    select
        '{{ model.name }}' as consumer,
        '{{ producer }}' as producer,
        {{ version }} as version,
        '{{ settings }}' as settings,
        {{ kraken_candles.utc_now() }} as marked_at
    from {{ ref(producer) }}
    having {{ version }} <> {{ kraken_candles.mark_of(producer) }}
    {%- endfor %}
{% endmacro %}

{# Up to which version a parent was built; -1 if with other timeframes or never. #}
{% macro mark_of_parent(marks, parent, producer) %}
    {%- set query -%}
        select version, settings
        from {{ marks }}
        where consumer = '{{ parent }}' and producer = '{{ producer }}'
        order by marked_at desc, version desc
        limit 1
    {%- endset -%}
    {%- set rows = kraken_candles.asked_once(query).rows -%}
    {%- if rows | length == 0 or rows[0][1].split(' | ')[0] != kraken_candles.timeframes_text() -%}
        {{- return(-1) -}}
    {%- endif -%}
    {{- return(rows[0][0] | int) -}}
{% endmacro %}

{# Refuses to mark what was made of another list of timeframes than the variable has. #}
{% macro check_timeframes(timeframes) %}
    {%- set parts = [] -%}
    {%- for row in kraken_candles.asked_once('select timeframe, size_ns, offset_ns from ' ~ timeframes).rows -%}
        {%- do parts.append(row[0] ~ ':' ~ row[1] ~ ':' ~ row[2]) -%}
    {%- endfor -%}
    {%- if parts | sort | join(' ') != kraken_candles.timeframes_text() -%}
        {{ exceptions.raise_compiler_error(
            'The variable kraken_candles_timeframes is not what the table timeframes was built with; build all, without --select.'
        ) }}
    {%- endif -%}
{% endmacro %}
