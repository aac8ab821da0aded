{# For a pre-hook of an incremental model: takes away the partitions of `relation` whose values of `columns` (its partition_by)
   `query` gives, with their files. insert_overwrite leaves a partition standing that gets no new rows.
   Does nothing where there is no such table yet, nor on engines without partitions. #}
{% macro drop_partitions(relation, query, columns) %}
    {{- return(adapter.dispatch('drop_partitions', 'kraken_candles')(relation, query, columns)) -}}
{% endmacro %}

{% macro default__drop_partitions(relation, query, columns) %}
    {{- return('') -}}
{% endmacro %}

{# Values come and go as text, which Spark casts to the partition's type. 100 a statement keep its text short. #}
{% macro spark__drop_partitions(relation, query, columns) %}
    {%- set existing = load_relation(relation) if execute else none -%}
    {%- if existing is not none and existing.is_table -%}
        {%- set texts = [] -%}
        {%- for column in columns -%}{%- do texts.append('cast(' ~ column ~ ' as string)') -%}{%- endfor -%}
        {%- set rows = run_query('select distinct ' ~ texts | join(', ') ~ ' from (' ~ query ~ ') as units').rows -%}
        {%- for batch in rows | batch(100) -%}
            {%- set partitions = [] -%}
            {%- for row in batch -%}
                {%- set values = [] -%}
                {%- for column in columns -%}
                    {%- set text = row[loop.index0] | replace('\\', '\\\\') | replace("'", "\\'") -%}
                    {%- do values.append(column ~ " = '" ~ text ~ "'") -%}
                {%- endfor -%}
                {%- do partitions.append('partition (' ~ values | join(', ') ~ ')') -%}
            {%- endfor -%}
            {%- do run_query('alter table ' ~ existing ~ ' drop if exists ' ~ partitions | join(', ')) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return('') -}}
{% endmacro %}
