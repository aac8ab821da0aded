{# Up to which version of a producer (day_versions, load_versions, rest_snapshots) this model was built; -1 where all of it must be
   built: at first, with --full-refresh, after a change of the settings that shape the rows, and where the producer was made anew alone,
   which then no longer tells what went away. #}
{% macro mark_of(producer) %}
    {#- While parsing the ref makes the dependency; where all is built anew it is not read, so a unit test need not give it. -#}
    {%- set marks = ref('build_marks') if not execute or is_incremental() -%}
    {%- if not execute or not is_incremental() or flags.FULL_REFRESH -%}
        {{- return(-1) -}}
    {%- endif -%}
    {%- set mark = kraken_candles.marked(kraken_candles.asked_once(kraken_candles.newest_marks(marks)), model.name, producer) -%}
    {%- if mark is none or mark[1] != kraken_candles.settings_text() -%}
        {{- return(-1) -}}
    {%- endif -%}
    {%- set oldest = kraken_candles.versions_of(producer)[0] -%}
    {{- return(-1 if oldest is not none and oldest > mark[0] else mark[0]) -}}
{% endmacro %}

{# The query of the newest mark of each model and producer, and [version, settings] of one of them in its rows, none where there is none. #}
{% macro newest_marks(marks) %}
    {%- set query -%}
        select consumer, producer, version, settings
        from (
            select
                marks.*,
                row_number() over (partition by consumer, producer order by marked_at desc, version desc) as place
            from {{ marks }} as marks
        ) as ranked
        where place = 1
    {%- endset -%}
    {{- return(query) -}}
{% endmacro %}

{% macro marked(rows, consumer, producer) %}
    {%- for row in rows if row[0] == consumer and row[1] == producer -%}
        {{- return([row[2] | int, row[3]]) -}}
    {%- endfor -%}
    {{- return(none) -}}
{% endmacro %}

{# The oldest and the newest version that stand in a producer, none where it is empty. #}
{% macro versions_of(producer) %}
    {{- return(kraken_candles.asked_once('select min(version), max(version) from ' ~ ref(producer))[0]) -}}
{% endmacro %}

{# What of the settings shapes stored rows, the timeframes and the variables in the model's meta.settings: with others they are made anew. #}
{% macro settings_text() %}
    {%- set parts = [kraken_candles.timeframes_text()] -%}
    {%- set more = model.config.get('meta', {}).get('settings', []) -%}
    {%- for name in more -%}
        {%- do parts.append(name ~ '=' ~ var(name)) -%}
    {%- endfor -%}
    {#- Raised in a model's meta with each change of the SQL that makes its stored rows, so that an upgrade makes them anew. -#}
    {%- do parts.append('models=' ~ model.config.get('meta', {}).get('form', 1)) -%}
    {{- return(parts | join(' | ') | replace("'", '"')) -}}
{% endmacro %}

{# The timeframes of the variable. #}
{% macro timeframes_text() %}
    {%- set parts = [] -%}
    {%- for timeframe in kraken_candles.timeframe_plan() -%}
        {%- do parts.append(timeframe.name ~ ':' ~ timeframe.size_ns ~ ':' ~ timeframe.offset_ns) -%}
    {%- endfor -%}
    {{- return(parts | sort | join(' ')) -}}
{% endmacro %}
