{{ config(materialized='incremental', incremental_strategy='append') }}

-- Loads in the order in which builds met them: neither their ids nor their stamps tell which of them are already built.
{%- set seen = ref('build_marks') %}

select distinct
    loads.load_id,
    {% if is_incremental() -%}
    cast((select coalesce(max(version), 0) + 1 from {{ this }}) as bigint) as version
    {%- else -%}
    cast((select coalesce(max(version), 0) + 1 from {{ seen }} where producer = 'load_versions') as bigint) as version
    {%- endif %}
from {{ source('kraken_raw', '_dlt_loads').include(database=false) }} as loads
where
    loads.status = 0
    {% if is_incremental() -%}
    and loads.load_id not in (select load_id from {{ this }})
    {%- endif %}
