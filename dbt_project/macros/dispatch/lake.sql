{# The folder or address of the lake whose files are the raw tables; empty where these are tables already. #}
{% macro lake() %}
    {%- set given = var('kraken_candles_lake', '') -%}
    {%- if not given and (target.name == 'duckdb_lake' or target.type == 'spark') -%}
        {%- set given = env_var('KRAKEN_CANDLES_LAKE', '') or ('lake' if target.name == 'duckdb_lake' else '') -%}
    {%- endif -%}
    {{- return(given[7:] if given.startswith('file://') else given) -}}
{% endmacro %}

{# Before a run: the raw tables of a lake, as it stands, so that all models of a run see the same complete loads. #}
{% macro read_lake() %}
    {%- if execute and kraken_candles.lake() -%}
        {%- set schema = var('kraken_candles_raw_schema') -%}
        {%- do run_query('create schema if not exists ' ~ schema) -%}
        {%- if adapter.dispatch('is_loaded', 'kraken_candles')(schema) -%}
            {{- exceptions.raise_compiler_error(
                schema ~ '.trades holds trades that were loaded into it, so the tables of the lake ' ~ kraken_candles.lake()
                ~ ' cannot take its place: build the lake elsewhere, as KRAKEN_CANDLES_LAKE_WAREHOUSE says.'
            ) -}}
        {%- endif -%}
        {%- do adapter.dispatch('read_lake', 'kraken_candles')(kraken_candles.lake() | replace("'", "''") ~ '/' ~ schema, schema) -%}
    {%- endif -%}
{% endmacro %}

{# Whether the raw trades are no mere look at files, so that they would be lost. Not by dbt's list of relations, which it keeps for the whole
   run: what is made here would not be in it. #}
{% macro default__is_loaded(schema) %}
    {{- return(kraken_candles.asked(
        "select count(*) from duckdb_tables() where database_name = current_database() and schema_name = '" ~ schema ~ "' and table_name = 'trades'"
    )[0][0] > 0) -}}
{% endmacro %}

{% macro spark__is_loaded(schema) %}
    {%- if run_query('show tables in ' ~ schema ~ " like 'trades'") | length == 0 -%}
        {{- return(false) -}}
    {%- endif -%}
    {%- for row in run_query('describe extended ' ~ schema ~ '.trades') if row[0] == 'Type' and row[1] == 'MANAGED' -%}
        {{- return(true) -}}
    {%- endfor -%}
    {{- return(false) -}}
{% endmacro %}

{# The table of complete loads first: what comes while the files are looked at is of loads that do not count. Of trades one file tells the
   columns, for to look into each takes longer than to read a day. #}
{% macro default__read_lake(folder, schema) %}
    {%- set statements = [] -%}
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
    {%- if not kraken_candles.asked(found ~ "'" ~ folder ~ "/trades/**/*.parquet')")[0][0] -%}
        {{- exceptions.raise_compiler_error(
            'There are no trades in the lake ' ~ kraken_candles.lake() ~ ' yet: load first, with `kraken-candles load --destination lake`, or set KRAKEN_CANDLES_LAKE to another.'
        ) -}}
    {%- endif -%}
    {%- do adapter.add_query(statements | join('; '), auto_begin=false) -%}
{% endmacro %}

{# Tables over the same folders, made anew in each run, for Spark keeps a list of their files. It cannot ask whether there is a folder; but the
   first load and the first import each make all of theirs before they count. #}
{% macro spark__read_lake(folder, schema) %}
    {%- do run_query('drop table if exists ' ~ schema ~ '._dlt_loads') -%}
    {%- do run_query(
        'create table ' ~ schema ~ '._dlt_loads using parquet as select load_id, schema_name, status, cast(inserted_at as timestamp) as inserted_at, '
        ~ 'schema_version_hash from json.`' ~ folder ~ '/_dlt_loads`'
    ) -%}
    {%- set kinds = run_query('select distinct schema_name from ' ~ schema ~ '._dlt_loads') | map(attribute=0) | list -%}
    {%- set tables = ['trades', 'pages', 'id_holes', 'rest_candles', 'markets']
        + (['market_statuses'] if 'kraken' in kinds else [])
        + (['archive_trades', 'archive_candles', 'archive_parts', 'archive_files', 'archive_refused_rows'] if 'archive' in kinds else []) -%}
    {%- for name in tables -%}
        {%- do run_query('drop table if exists ' ~ schema ~ '.' ~ name) -%}
        {%- do run_query('create table ' ~ schema ~ '.' ~ name ~ " using parquet location '" ~ folder ~ '/' ~ name ~ "'") -%}
        {%- if name in ('trades', 'pages', 'archive_trades', 'archive_candles') -%}
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
            where _dlt_load_id in {{ kraken_candles.complete_loads() }}
        ) as versions
        where version_number = 1
    ) as versions
    {%- endif -%}
{% endmacro %}
