{# The rows of a source table that may not be there yet, since only some programs write it: all of its columns, or none of its rows.
   columns: a mapping of names to types, as the source has them. The reference makes the dependency in either case. What a unit test gives
   in its place is there. #}
{% macro optional_rows(table, columns) %}
    {%- set relation = table.include(database=false) -%}
    {%- if execute and not table.is_cte and load_relation(table) is none -%}
    select
        {% for name, type in columns.items() -%}
        cast(null as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
        {% endfor -%}
    where false
    {%- else -%}
    select
        {% for name in columns -%}
        {{ name }}{{ ',' if not loop.last }}
        {% endfor -%}
    from {{ relation }}
    {%- endif -%}
{% endmacro %}
