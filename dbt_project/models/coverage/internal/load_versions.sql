{{ config(materialized='incremental', incremental_strategy='append') }}

-- Loads in the order in which builds met them: neither their ids nor their stamps tell which of them are already built.
{%- set seen = ref('build_marks') %}
{%- set is_new = 'loads.load_id not in (select load_id from ' ~ this ~ ')' if is_incremental() else 'true' %}

with

newest as (
    {% if is_incremental() -%}
    select coalesce(max(version), 0) + 1 as version from {{ this }}
    {%- else -%}
    select coalesce(max(version), 0) + 1 as version
    from {{ seen }}
    where producer = 'load_versions'
    {%- endif %}
)

select distinct
    loads.load_id,
    cast(newest.version as bigint) as version
from {{ complete_loads() }} as loads
cross join newest
where {{ is_new }}
