{# Post-hook of an incremental model: writes down up to which version of each producer it was built. On DuckDB the hook commits
   together with the rows; elsewhere it comes after them, so that what a crash leaves is built again.
   parents: the models by the same producers that this one is made of. It is no further than they are, though a build of a part may have
   left them behind. fed_by: by parent the producer without whose rows it has none, and need not be built. #}
{% macro set_marks(producers, parents=[], fed_by={}) %}
    {%- set marks = ref('build_marks') -%}
    {%- set timeframes = ref('timeframes') -%}
    {%- set rows = [] -%}
    {%- if execute -%}
        {%- do kraken_candles.check_timeframes(timeframes) -%}
        {#- Those of the parents were set in this build. -#}
        {%- set others = kraken_candles.asked(kraken_candles.newest_marks(marks)) if parents else [] -%}
    {%- endif -%}
    {%- for producer in producers -%}
        {#- While parsing the ref makes the dependency. -#}
        {%- set relation = ref(producer) -%}
        {%- if execute -%}
            {%- set versions = [kraken_candles.versions_of(producer)[1] or 0] -%}
            {%- for parent in parents if parent not in fed_by or kraken_candles.versions_of(fed_by[parent])[1] is not none -%}
                {%- set mark = kraken_candles.marked(others, parent, producer) -%}
                {#- Made with other timeframes or never. -#}
                {%- do versions.append(mark[0] if mark and mark[1].split(' | ')[0] == kraken_candles.timeframes_text() else -1) -%}
            {%- endfor -%}
            {%- if versions | min != kraken_candles.mark_of(producer) -%}{%- do rows.append([producer, versions | min]) -%}{%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for producer, version in rows %}
    {% if not loop.first %}union all{% else %}{{ kraken_candles.insert_marks(marks) }}{% endif %}
    select
        cast({{ version }} as bigint) as version,
        '{{ kraken_candles.settings_text() }}' as settings,
        {{ kraken_candles.utc_now() }} as marked_at,
        '{{ model.name }}' as consumer,
        '{{ producer }}' as producer
    {%- endfor %}
{% endmacro %}

{# Refuses to mark what was made of another list of timeframes than the variable has. #}
{% macro check_timeframes(timeframes) %}
    {%- set parts = [] -%}
    {%- for row in kraken_candles.asked_once('select timeframe, size_ns, offset_ns from ' ~ timeframes) -%}
        {%- do parts.append(row[0] ~ ':' ~ row[1] ~ ':' ~ row[2]) -%}
    {%- endfor -%}
    {%- if parts | sort | join(' ') != kraken_candles.timeframes_text() -%}
        {{ exceptions.raise_compiler_error(
            'The variable kraken_candles_timeframes is not what the table timeframes was built with; build all, without --select.'
        ) }}
    {%- endif -%}
{% endmacro %}
