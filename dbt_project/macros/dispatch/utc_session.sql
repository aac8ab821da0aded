{# True in a session of UTC, else an error: beside a time with a zone DuckDB takes a naive one for the session's local time, in silence. #}
{% macro utc_session() %}
    {{- return(adapter.dispatch('utc_session', 'kraken_candles')()) -}}
{% endmacro %}

{% macro default__utc_session() -%}
    case
        when replace(current_setting('TimeZone'), 'Etc/', '') in ('UTC', 'GMT', 'UCT', 'Zulu', 'Universal') then true
        else error('Times here are UTC without a zone, which the TimeZone ' || current_setting('TimeZone')
            || ' of this session would shift beside times with one; run SET TimeZone = ''UTC'' first.')
    end
{%- endmacro %}

{# Spark's timestamps are instants. #}
{% macro spark__utc_session() -%}
    true
{%- endmacro %}
