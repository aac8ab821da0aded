{# The relation that a variable names, where accepted differences or gaps, trading sessions or renames stand: a seed or a model, the
   package's own or the user's. #}
{% macro accepted_lines(variable) %}
    {%- set name = var(variable) -%}
    {%- if name is not string or not modules.re.fullmatch('[A-Za-z_][A-Za-z0-9_]*', name) -%}
        {{ exceptions.raise_compiler_error('The variable ' ~ variable ~ " is '" ~ name ~ "'; it must be the name of a seed or a model.") }}
    {%- endif -%}
    {{- return(ref(name)) -}}
{% endmacro %}

{# The same for a from clause, all columns as text. Seeds that were never loaded (dbt run without dbt seed) say nothing; what a unit test
   gives in their place is there. #}
{% macro from_accepted_lines(variable, columns) %}
    {%- set lines = kraken_candles.accepted_lines(variable) -%}
    {%- set is_there = not execute or lines.is_cte or load_cached_relation(lines) -%}
    {%- set texts = [] -%}
    {%- for name in columns -%}
        {%- set value = kraken_candles.line_value(name) if is_there else 'cast(null as ' ~ dbt.type_string() ~ ')' -%}
        {%- do texts.append(value ~ ' as ' ~ name) -%}
    {%- endfor -%}
    {{- return('(select ' ~ texts | join(', ') ~ (' from ' ~ lines if is_there else ' where false') ~ ') as given') -}}
{% endmacro %}

{# What stands in a column of a line, as text; NULL where it is empty. #}
{% macro line_value(column) %}
    {{- return(adapter.dispatch('line_value', 'kraken_candles')(column)) -}}
{% endmacro %}

{% macro default__line_value(column) -%}
    cast({{ column }} as {{ dbt.type_string() }})
{%- endmacro %}

{# dbt writes an empty cell of a seed as this word there. #}
{% macro spark__line_value(column) -%}
    nullif(cast({{ column }} as {{ dbt.type_string() }}), 'None')
{%- endmacro %}

{# A column of such lines as a UTC timestamp; NULL where it is empty. #}
{% macro accepted_timestamp(column) -%}
    cast(replace(replace(cast({{ column }} as {{ dbt.type_string() }}), 'T', ' '), 'Z', '') as timestamp)
{%- endmacro %}

{# Ends the build with one sentence about the first line that is broken. columns: by name the kind of each column, in the file's order:
   text, timeframe, time, optional_time, optional_day, optional_week_time, optional_time_zone. range: the two columns of which the first
   must lie before the second. once: the column of which no value may come twice. together: columns of which a line gives all or none. #}
{% macro check_accepted_lines(variable, columns, range=none, once=none, together=[]) %}
    {%- set lines = kraken_candles.accepted_lines(variable) -%}
    {%- if execute and not lines.is_cte and load_cached_relation(lines) -%}
        {%- set found = adapter.get_columns_in_relation(lines) | map(attribute='name') | map('lower') | list -%}
        {%- for name in columns if name not in found -%}
            {{ exceptions.raise_compiler_error(
                var(variable) ~ ' has no column ' ~ name ~ '; its columns must be ' ~ columns | join(', ') ~ '.'
            ) }}
        {%- endfor -%}
        {%- set texts = [] -%}
        {%- for name in columns -%}
            {%- do texts.append(kraken_candles.line_value(name) ~ ' as ' ~ name) -%}
        {%- endfor -%}
        {%- set met = [] -%}
        {%- for line in run_query('select ' ~ texts | join(', ') ~ ' from ' ~ lines).rows -%}
            {%- set where = var(variable) ~ ', line ' ~ loop.index ~ ' below the header' -%}
            {%- for name, kind in columns.items() -%}
                {%- do kraken_candles.check_accepted_value(where, name, kind, line[name]) -%}
            {%- endfor -%}
            {%- if once and line[once] in met -%}
                {{ exceptions.raise_compiler_error(
                    where ~ ', column ' ~ once ~ ": '" ~ line[once] ~ "' stands in a line above; each may have one line."
                ) }}
            {%- endif -%}
            {%- do met.append(line[once]) if once -%}
            {%- set given = [] -%}
            {%- for name in together if line[name] -%}{%- do given.append(name) -%}{%- endfor -%}
            {%- if given and given != together -%}
                {{ exceptions.raise_compiler_error(
                    where ~ ' gives ' ~ given | join(' and ') ~ ' alone; it must give all of ' ~ together | join(', ') ~ ', or none.'
                ) }}
            {%- endif -%}
            {%- if range -%}
            {%- set from_sql = kraken_candles.accepted_timestamp("'" ~ line[range[0]] ~ "'") -%}
            {%- set to_sql = kraken_candles.accepted_timestamp("'" ~ line[range[1]] ~ "'") -%}
            {%- if line[range[1]] and not run_query('select ' ~ from_sql ~ ' < ' ~ to_sql).rows[0][0] -%}
                {{ exceptions.raise_compiler_error(
                    where ~ ': ' ~ range[0] ~ ' ' ~ line[range[0]] ~ ' is not before ' ~ range[1] ~ ' ' ~ line[range[1]]
                    ~ '; ' ~ range[1] ~ ' is exclusive and must be later.'
                ) }}
            {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}

{# Ends the build where a line of the renames says a name that is no name of today: what it names went on under another one after that. #}
{% macro refuse_passing_names(variable) %}
    {%- set lines = kraken_candles.accepted_lines(variable) -%}
    {%- if execute and load_cached_relation(lines) -%}
        {%- set later = kraken_candles.accepted_timestamp('later.renamed_at') ~ ' > ' ~ kraken_candles.accepted_timestamp('line.renamed_at') -%}
        {%- set query -%}
            select line.old_symbol, line.new_symbol, later.new_symbol as name_today
            from {{ lines }} as line
            inner join {{ lines }} as later on line.new_symbol = later.old_symbol
            where {{ later }} or line.new_symbol = line.old_symbol
            order by 1, 2, 3
        {%- endset -%}
        {%- for line in run_query(query).rows -%}
            {{ exceptions.raise_compiler_error(
                var(variable) ~ ': ' ~ line[0] ~ ' goes on as ' ~ line[1] ~ ', which is no name of today'
                ~ (': it goes on as ' ~ line[2] ~ '. Write ' ~ line[2] ~ ' in both lines.' if line[2] != line[1] else '.')
            ) }}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
