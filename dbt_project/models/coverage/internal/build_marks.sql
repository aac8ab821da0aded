{{ config(
    materialized='incremental', incremental_strategy='append', full_refresh=false, partition_by=partitions(['consumer', 'producer'])
) }}

-- Filled by the post-hooks of the models named in it; dbt only makes the table, once.
select
    cast(null as bigint) as version,
    cast(null as {{ dbt.type_string() }}) as settings,
    cast(null as timestamp) as marked_at,
    cast(null as {{ dbt.type_string() }}) as consumer,
    cast(null as {{ dbt.type_string() }}) as producer
where false
