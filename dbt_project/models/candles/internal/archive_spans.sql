{{ config(
    materialized='incremental',
    incremental_strategy=key_strategy(),
    unique_key='symbol',
    partition_by=partitions(['symbol']),
    on_schema_change='fail',
) }}

{%- set marks = ref('build_marks') %}
{%- set facts = ['timeframe', 'edition_id', 'from_ns', 'to_ns', 'file_to_ns', 'is_gapless'] %}

-- A stretch that another file speaks for now stays, as one that does not count, so that what was built of it is taken away.
with

{% if is_incremental() -%}
known as (
    select * from {{ this }}
),

newest as (
    select coalesce(max(version), 0) + 1 as version from {{ this }}
),
{%- else -%}
-- Models that were built before must see all stretches as new.
known as (
    select
        {{ facts | join(', ') }},
        false as is_current,
        cast(0 as bigint) as version,
        symbol
    from {{ ref('chosen_spans') }}
    where false
),

newest as (
    select coalesce(max(version), 0) + 1 as version
    from {{ marks }}
    where producer = 'archive_spans'
),
{%- endif %}

versions as (
    select
        {% for fact in facts %}
        coalesce(spans.{{ fact }}, known.{{ fact }}) as {{ fact }},
        {% endfor %}
        spans.symbol is not null as is_current,
        case when known.is_current = (spans.symbol is not null) then known.version else newest.version end as version,
        coalesce(spans.symbol, known.symbol) as symbol
    from {{ ref('chosen_spans') }} as spans
    full outer join known
        on
            spans.symbol = known.symbol
            {% for fact in facts %}
            and spans.{{ fact }} = known.{{ fact }}
            {% endfor %}
    cross join newest
),

changed as (
    select versions.symbol
    from versions
    inner join newest on versions.version = newest.version
)

select
    {{ facts | join(', ') }},
    {{ archive_size_ns('timeframe') }} as size_ns,
    is_current,
    cast(version as bigint) as version,
    symbol
from versions
where symbol in (select changed.symbol from changed)
order by symbol, timeframe, from_ns
