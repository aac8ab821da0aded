{# How views and tables are made on DuckDB. dbt builds each beside the old one, renames both and drops the old one, which costs it more than
   the view or table costs the engine; DuckDB replaces them in one transaction.
   Where another project installs this one, dbt takes its own. #}
{% materialization view, adapter='duckdb' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='view') -%}
    {%- if existing is not none and not existing.is_view -%}{%- do adapter.drop_relation(existing) -%}{%- endif -%}
    {%- if config.get('contract').enforced -%}{%- do get_assert_columns_equivalent(sql) -%}{%- endif -%}
    {% call statement('main') -%}
        create or replace view {{ target }} as (
            {{ sql }}
        )
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{% materialization table, adapter='duckdb' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- if existing is not none and not existing.is_table -%}{%- do adapter.drop_relation(existing) -%}{%- endif -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') -%}
        drop table if exists {{ target }};
        {{ create_table_as(false, target, sql) }}
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{# dbt makes each incremental model's new rows a table of their own, asks for its columns and the stored table's three times, and inserts them
   then; DuckDB inserts what a query gives. A column that the stored table lacks is added where the model says so, else it is an error, as is
   one that the query lacks. Hooks, rows and marks are one transaction. #}
{% materialization incremental, adapter='duckdb' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set grows = config.get('on_schema_change') == 'append_new_columns' -%}
    {%- set unique_key = config.get('unique_key') if config.get('incremental_strategy') == 'delete+insert' else none -%}
    {%- if existing is not none and not existing.is_table -%}{%- do adapter.drop_relation(existing) -%}{%- endif -%}
    {{ run_hooks(pre_hooks) }}
    {%- if existing is none or not existing.is_table or should_full_refresh() -%}
    {% call statement('main') -%}
        drop table if exists {{ target }};
        {{ create_table_as(false, target, sql) }}
    {%- endcall %}
    {%- else -%}
        {%- set rows = '(' ~ sql ~ ')' -%}
        {%- if grows or unique_key -%}
            {%- set made = make_temp_relation(target) -%}
            {%- do run_query(create_table_as(true, made, sql)) -%}
            {%- set rows = made -%}
        {%- endif -%}
        {%- set stored = kraken_candles.stored_columns(target) -%}
        {%- if grows -%}
            {%- set columns = adapter.get_columns_in_relation(made) -%}
            {%- for column in columns if column.name not in stored -%}
                {%- do run_query('alter table ' ~ target ~ ' add column ' ~ column.quoted ~ ' ' ~ column.data_type) -%}
                {%- do stored.append(column.name) -%}
            {%- endfor -%}
            {#- A column that an older program made, and this one does not, is left without values. -#}
            {%- set stored = stored | select('in', columns | map(attribute='name') | list) | list -%}
        {%- endif -%}
    {% call statement('main') -%}
        {%- if unique_key %}
        {%- set key = ([unique_key] if unique_key is string else unique_key) | join(', ') %}
        delete from {{ target }} where ({{ key }}) in (select {{ key }} from {{ made }});
        {%- endif %}
        insert into {{ target }} by name
        select {{ stored | join(', ') }}, * exclude ({{ stored | join(', ') }})
        from {{ rows }} as made;
    {%- endcall %}
        {%- if made -%}{%- do adapter.drop_relation(made) -%}{%- endif -%}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{# The names of the columns of a table, asked once for all tables. #}
{% macro stored_columns(relation) %}
    {%- set query = "select schema_name, table_name, column_name from duckdb_columns() where database_name = current_database() order by all" -%}
    {%- set names = [] -%}
    {%- for schema, table, column in kraken_candles.asked_once(query) if schema == relation.schema and table == relation.identifier -%}
        {%- do names.append(column) -%}
    {%- endfor -%}
    {{- return(names) -}}
{% endmacro %}
