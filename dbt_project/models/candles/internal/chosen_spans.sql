{{ config(materialized='ephemeral') }}

-- Where files meet, the one imported last speaks for every bucket, also for those that it leaves out. So the choice is one of
-- stretches, and no candle needs to be compared with another to make it.
with

borders as (
    select
        symbol,
        timeframe,
        from_ns as border_ns
    from {{ ref('archive_pieces') }}
    union
    select
        symbol,
        timeframe,
        to_ns as border_ns
    from {{ ref('archive_pieces') }}
),

steps as (
    select
        symbol,
        timeframe,
        border_ns as from_ns,
        lead(border_ns) over (partition by symbol, timeframe order by border_ns) as to_ns
    from borders
)

select
    steps.symbol,
    steps.timeframe,
    steps.from_ns,
    steps.to_ns,
    {{ last_by('pieces.edition_id', 'pieces.import_number') }} as edition_id,
    {{ last_by('pieces.file_to_ns', 'pieces.import_number') }} as file_to_ns,
    {{ last_by('pieces.is_gapless', 'pieces.import_number') }} as is_gapless
from steps
inner join {{ ref('archive_pieces') }} as pieces
    on
        steps.symbol = pieces.symbol
        and steps.timeframe = pieces.timeframe
        and steps.from_ns >= pieces.from_ns
        and steps.to_ns <= pieces.to_ns
group by steps.symbol, steps.timeframe, steps.from_ns, steps.to_ns
