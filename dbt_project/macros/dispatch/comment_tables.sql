{# At the end of a run: the descriptions of the public models that it built, and of their columns, are comments in the database, where every
   tool shows them. Only those that are not there yet are written, all in one go: dbt's own persist_docs asks the engine once for each table
   and writes all columns each time. #}
{% macro comment_tables(results) %}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- do adapter.dispatch('comment_tables', 'kraken_candles')(results) -%}
    {%- endif -%}
{% endmacro %}

{% macro default__comment_tables(results) %}
    {%- set wanted = {} -%}
    {%- set schemas = [] -%}
    {%- for result in results if result.status == 'success' and result.node.resource_type == 'model' -%}
        {%- set node = result.node -%}
        {%- if node.package_name == 'kraken_candles' and node.access == 'public' -%}
            {%- do schemas.append("'" ~ node.schema ~ "'") -%}
            {%- for column in [{'name': '', 'description': node.description}] + (node.columns.values() | list) -%}
                {%- do wanted.update({(node.schema, node.alias, column.name): column.description.split() | join(' ')}) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if schemas -%}
    {%- set here = "where database_name = current_database() and schema_name in (" ~ schemas | unique | join(', ') ~ ")" -%}
    {%- set found -%}
        select schema_name, table_name, '' as column_name, 'table' as kind, comment from duckdb_tables() {{ here }}
        union all
        select schema_name, view_name, '', 'view', comment from duckdb_views() {{ here }}
        union all
        select schema_name, table_name, column_name, 'column', comment from duckdb_columns() {{ here }}
    {%- endset -%}
    {%- set statements = [] -%}
    {%- for schema, table, column, kind, comment in kraken_candles.asked(found) if wanted.get((schema, table, column), comment) != comment -%}
        {%- set name = '"' ~ [schema, table, column] | select | join('"."') ~ '"' -%}
        {%- do statements.append('comment on ' ~ kind ~ ' ' ~ name ~ " is '" ~ wanted[(schema, table, column)] | replace("'", "''") ~ "'") -%}
    {%- endfor -%}
    {%- if statements -%}
        {%- do adapter.add_query('begin; ' ~ statements | join('; ') ~ '; commit', auto_begin=false) -%}
    {%- endif -%}
    {%- endif -%}
{% endmacro %}

{# Spark's tables take comments as they are made, not afterwards and for views not at all. #}
{% macro spark__comment_tables(results) %}
{% endmacro %}
