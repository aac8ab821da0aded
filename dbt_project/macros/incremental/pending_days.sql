{# The (symbol, covered_on) pairs of day_versions that changed since this model was built, as a subquery. #}
{% macro pending_days() -%}
    (select symbol, covered_on from {{ ref('day_versions') }} where version > {{ kraken_candles.mark_of('day_versions') }})
{%- endmacro %}

{# Literal bounds on a column of UTC days that hold all pending days, for the engine to prune by: true where everything is pending.
   More than 50 runs of days are merged across the smallest breaks between them: a longer condition costs more than it saves. #}
{% macro pending_bounds(column, days_before=0, days_after=0) %}
    {%- set versions = ref('day_versions') -%}
    {%- set mark = kraken_candles.mark_of('day_versions') -%}
    {%- if mark < 0 -%}
        {{- return('true') -}}
    {%- endif -%}
    {%- set days = kraken_candles.asked_once('select distinct covered_on from ' ~ versions ~ ' where version > ' ~ mark ~ ' order by 1') | map('first') | list -%}
    {{- return(kraken_candles.day_bounds(column, days, days_before, days_after)) -}}
{% endmacro %}

{# A condition of literal runs for a list of days in order, on a column of dates or, with kind='timestamp', of timestamps; false for none. #}
{% macro day_bounds(column, days, days_before=0, days_after=0, kind='date') %}
    {%- set breaks = [] -%}
    {%- for i in range(1, days | length) -%}
        {%- set width = (days[i] - days[i - 1]).days -%}
        {%- if width > 1 -%}{%- do breaks.append([width, i]) -%}{%- endif -%}
    {%- endfor -%}
    {%- set kept = (breaks | sort(reverse=true))[:49] | map(attribute=1) | sort | list -%}
    {%- set conditions = [] -%}
    {%- for start in ([0] + kept if days else []) -%}
        {%- set last = (kept[loop.index0] if loop.index0 < kept | length else days | length) - 1 -%}
        {%- set from_on = days[start] - modules.datetime.timedelta(days=days_before) -%}
        {%- set to_on = days[last] + modules.datetime.timedelta(days=days_after) -%}
        {%- if kind == 'timestamp' -%}
            {%- set after_on = to_on + modules.datetime.timedelta(days=1) -%}
            {%- do conditions.append(
                '(' ~ column ~ " >= timestamp '" ~ from_on ~ " 00:00:00' and " ~ column ~ " < timestamp '" ~ after_on ~ " 00:00:00')"
            ) -%}
        {%- else -%}
            {%- do conditions.append(column ~ " between date '" ~ from_on ~ "' and date '" ~ to_on ~ "'") -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return('(' ~ conditions | join(' or ') ~ ')' if conditions else 'false') -}}
{% endmacro %}
