{{ config(
    tags='archives',
    materialized='incremental',
    incremental_strategy=key_strategy(),
    unique_key='symbol',
    partition_by=partitions(['symbol']),
    on_schema_change='fail',
) }}

{%- set marks = ref('build_marks') %}
{%- set facts = ['timeframe', 'edition_id', 'from_ns', 'to_ns', 'file_to_ns', 'is_gapless'] %}

with

-- Rows that follow each other hold all between the first and the last; around a row that was refused they do not. In a file whose
-- times go back, a refused row may be of any time.
parts as (
    select
        editions.symbol,
        editions.timeframe,
        editions.edition_id,
        editions.import_number,
        editions.covered_to_ns as file_to_ns,
        editions.is_ascending or editions.refused_count = 0 as is_gapless,
        parts.first_row,
        least(parts.covered_from_ns, parts.first_time_ns) as from_ns,
        greatest(parts.covered_to_ns, parts.last_time_ns + 1) as to_ns,
        lag(parts.last_row) over (partition by parts.edition_id order by parts.first_row) as row_before
    from {{ ref('archive_editions') }} as editions
    inner join {{ ref('stg_archive_parts') }} as parts on editions.edition_id = parts.edition_id
    where editions.format = 'candles'
),

numbered as (
    select
        *,
        sum(case when first_row = row_before + 1 then 0 else 1 end) over (
            partition by edition_id order by first_row
            rows between unbounded preceding and current row
        ) as piece_number
    from parts
),

pieces as (
    select
        symbol,
        timeframe,
        edition_id,
        import_number,
        file_to_ns,
        is_gapless,
        min(from_ns) as from_ns,
        max(to_ns) as to_ns
    from numbered
    group by symbol, timeframe, edition_id, import_number, file_to_ns, is_gapless, piece_number
),

-- Where files meet, the one imported last speaks for every bucket, also for those that it leaves out. So the choice is one of
-- stretches, and no candle needs to be compared with another to make it.
borders as (
    select
        symbol,
        timeframe,
        from_ns as border_ns
    from pieces
    union
    select
        symbol,
        timeframe,
        to_ns as border_ns
    from pieces
),

steps as (
    select
        symbol,
        timeframe,
        border_ns as from_ns,
        lead(border_ns) over (partition by symbol, timeframe order by border_ns) as to_ns
    from borders
),

chosen as (
    select
        steps.symbol,
        steps.timeframe,
        steps.from_ns,
        steps.to_ns,
        {{ last_by('pieces.edition_id', 'pieces.import_number') }} as edition_id,
        {{ last_by('pieces.file_to_ns', 'pieces.import_number') }} as file_to_ns,
        {{ last_by('pieces.is_gapless', 'pieces.import_number') }} as is_gapless
    from steps
    inner join pieces
        on
            steps.symbol = pieces.symbol
            and steps.timeframe = pieces.timeframe
            and steps.from_ns >= pieces.from_ns
            and steps.to_ns <= pieces.to_ns
    group by steps.symbol, steps.timeframe, steps.from_ns, steps.to_ns
),

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
    from chosen
    where false
),

newest as (
    select coalesce(max(version), 0) + 1 as version
    from {{ marks }}
    where producer = 'archive_spans'
),
{%- endif %}

-- A stretch that another file speaks for now stays, as one that does not count, so that what was built of it is taken away.
versions as (
    select
        {% for fact in facts %}
        coalesce(spans.{{ fact }}, known.{{ fact }}) as {{ fact }},
        {% endfor %}
        spans.symbol is not null as is_current,
        case when known.is_current = (spans.symbol is not null) then known.version else newest.version end as version,
        coalesce(spans.symbol, known.symbol) as symbol
    from chosen as spans
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
