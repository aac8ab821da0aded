{# Make the Parquet folders below `folder`, one a raw table, the tables of schema kraken_raw. #}
{% macro register_raw(folder, tables) %}
    {% do run_query('create schema if not exists kraken_raw') %}
    {% for table in tables %}
        {% do run_query('drop table if exists kraken_raw.' ~ table) %}
        {% do run_query('create table kraken_raw.' ~ table ~ " using parquet location '" ~ folder ~ '/' ~ table ~ "'") %}
    {% endfor %}
{% endmacro %}
