{# The folder or address of the lake whose files are the raw tables; empty where these are tables already. #}
{% macro lake() %}
    {%- set given = var('kraken_candles_lake', '') or (env_var('KRAKEN_CANDLES_LAKE', '') or 'lake' if target.name == 'duckdb_lake' else '') -%}
    {{- return(given[7:] if given.startswith('file://') else given) -}}
{% endmacro %}

{# Before a run: the raw tables of a lake, as it stands, so that all models of a run see the same complete loads. #}
{% macro read_lake() %}
    {%- if execute and kraken_candles.lake() -%}
        {%- do adapter.dispatch('read_lake', 'kraken_candles')(kraken_candles.lake() ~ '/' ~ var('kraken_candles_raw_schema')) -%}
    {%- endif -%}
{% endmacro %}

{# The table of complete loads first: what comes while the files are looked at is of loads that do not count. Of trades one file tells the
   columns, for to look into each takes longer than to read a day. #}
{% macro default__read_lake(folder) %}
    {%- set schema = var('kraken_candles_raw_schema') -%}
    {%- set statements = ['create schema if not exists ' ~ schema] -%}
    {%- set found = "select count(*), coalesce(bool_or(file like '%/symbol=%'), false), coalesce(bool_or(file like '%/traded_on=%'), false) from glob(" -%}
    {%- set loads = "'" ~ folder ~ "/_dlt_loads/*.jsonl'" -%}
    {%- if kraken_candles.asked(found ~ loads ~ ')')[0][0] -%}
        {%- do statements.append(
            'create or replace table ' ~ schema ~ '._dlt_loads as select load_id, schema_name, status, inserted_at, schema_version_hash from read_json('
            ~ loads ~ ", columns = {'load_id': 'varchar', 'schema_name': 'varchar', 'status': 'bigint', 'inserted_at': 'timestamptz', 'schema_version_hash': 'varchar'})"
        ) -%}
    {%- endif -%}
    {%- for node in graph.sources.values() if node.package_name == 'kraken_candles' and node.source_name == 'kraken_raw' and node.name != '_dlt_loads' -%}
        {%- set files = "'" ~ folder ~ '/' ~ node.name ~ "/**/*.parquet'" -%}
        {%- set count, has_symbols, has_days = kraken_candles.asked(found ~ files ~ ')')[0] -%}
        {%- if count -%}
            {%- set types = (["'symbol': 'varchar'"] if has_symbols else []) + (["'traded_on': 'date'"] if has_days else []) -%}
            {%- do statements.append(
                'create or replace view ' ~ schema ~ '.' ~ node.name ~ ' as select * from read_parquet(' ~ files ~ ', union_by_name = '
                ~ (node.name != 'trades') | lower ~ (', hive_partitioning = true, hive_types = {' ~ types | join(', ') ~ '}' if types else '') ~ ')'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do adapter.add_query(statements | join('; '), auto_begin=false) -%}
{% endmacro %}

{# Tables over the same folders, made anew in each run, for Spark keeps a list of their files. Loads write no archives into a lake. #}
{% macro spark__read_lake(folder) %}
    {%- set schema = var('kraken_candles_raw_schema') -%}
    {%- do run_query('create schema if not exists ' ~ schema) -%}
    {%- do run_query('drop table if exists ' ~ schema ~ '._dlt_loads') -%}
    {%- do run_query(
        'create table ' ~ schema ~ '._dlt_loads using parquet as select load_id, schema_name, status, cast(inserted_at as timestamp) as inserted_at, '
        ~ 'schema_version_hash from json.`' ~ folder ~ '/_dlt_loads`'
    ) -%}
    {%- for name in ['trades', 'pages', 'id_holes', 'rest_candles', 'markets', 'market_statuses', 'warehouse_versions'] -%}
        {%- do run_query('drop table if exists ' ~ schema ~ '.' ~ name) -%}
        {%- do run_query('create table ' ~ schema ~ '.' ~ name ~ " using parquet location '" ~ folder ~ '/' ~ name ~ "'") -%}
        {%- if name in ('trades', 'pages') -%}
            {%- do run_query('msck repair table ' ~ schema ~ '.' ~ name) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}

{# The rows of a raw table, for a from: of a lake, to which loads only append, the first version of each key that a complete load brought. #}
{% macro first_versions(table, key) %}
    {%- if not kraken_candles.lake() -%}
    {{ table }}
    {%- else -%}
    (
        select *
        from (
            select
                *,
                row_number() over (partition by {{ key | join(', ') }} order by _dlt_load_id) as version_number
            from {{ table }}
            where
                _dlt_load_id in (
                    select loads.load_id
                    from {{ source('kraken_raw', '_dlt_loads').include(database=false) }} as loads
                    where loads.status = 0
                )
        ) as versions
        where version_number = 1
    ) as versions
    {%- endif -%}
{% endmacro %}
