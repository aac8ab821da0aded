{# At the end of a run: the descriptions of the public models that it built, and of their columns, are comments in the database, where every
   tool shows them. Only those that are not there yet are written, all in one go: dbt's own persist_docs asks the engine once for each table
   and writes all columns each time. #}
{% macro comment_tables(results) %}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- do adapter.dispatch('comment_tables', 'kraken_candles')(results) -%}
    {%- endif -%}
{% endmacro %}

{% macro default__comment_tables(results) %}
    {%- set wanted = [] -%}
    {%- for result in results if result.status == 'success' and result.node.resource_type == 'model' -%}
        {%- set node = result.node -%}
        {%- if node.package_name == 'kraken_candles' and node.access == 'public' -%}
            {%- do wanted.append([node.schema, node.alias, '', node.description]) -%}
            {%- for column in node.columns.values() -%}
                {%- do wanted.append([node.schema, node.alias, column.name, column.description]) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if wanted -%}
    {#- The engine compares them, for Jinja takes a tenth of a small build to. -#}
    {%- set missing -%}
        with wanted as (
            select
                text[1] as schema_name,
                text[2] as table_name,
                text[3] as column_name,
                trim(regexp_replace(text[4], '\s+', ' ', 'g')) as comment
            from (select unnest(from_json('{{ tojson(wanted) | replace("'", "''") }}', '[["varchar"]]')) as text)
        ),
        found as (
            select database_name, schema_name, table_name, '' as column_name, 'table' as kind, comment from duckdb_tables()
            union all
            select database_name, schema_name, view_name, '', 'view', comment from duckdb_views()
            union all
            select database_name, schema_name, table_name, column_name, 'column', comment from duckdb_columns()
        )
        select
            'comment on ' || kind || ' "' || concat_ws('"."', schema_name, table_name, nullif(column_name, '')) || '" is '''
            || replace(wanted.comment, '''', '''''') || ''''
        from found
        inner join wanted using (schema_name, table_name, column_name)
        where found.database_name = current_database() and found.comment is distinct from wanted.comment
    {%- endset -%}
    {%- set statements = kraken_candles.asked(missing) | map('first') | list -%}
    {%- if statements -%}
        {%- do adapter.add_query('begin; ' ~ statements | join('; ') ~ '; commit', auto_begin=false) -%}
    {%- endif -%}
    {%- endif -%}
{% endmacro %}

{# Spark's tables take comments as they are made, not afterwards and for views not at all. #}
{% macro spark__comment_tables(results) %}
{% endmacro %}
