{{ config(tags='archives') }}

-- A file that came again under another symbol, a known one, was called by the wrong one before; a copy under another name is none
-- (a file whose name tells no market has its symbol for an altname). Of those that stand, the one imported last takes the place
-- of all whose stretch of time it holds, as a whole, unless more of its rows were refused. Rows with ids need no such choice, for
-- they merge.
with

imported as (
    {{ archive_files() }}
),

files as (
    select
        *,
        coalesce(timeframe, '') as timeframe_key,
        row_number() over (order by imported_at, edition_id) as import_number
    from imported
    where row_count > 0
),

standing as (
    select files.*
    from files
    left join files as renamed
        on
            files.format = renamed.format
            and files.timeframe_key = renamed.timeframe_key
            and files.import_number < renamed.import_number
            and files.symbol <> renamed.symbol
            and (renamed.symbol <> renamed.altname or renamed.altname like '%/%')
            and (files.altname = renamed.altname or files.altname like '%/%' or renamed.altname like '%/%')
            and files.content_hash = renamed.content_hash
            and coalesce(files.wanted_from_ns, 0) = coalesce(renamed.wanted_from_ns, 0)
            and coalesce(files.wanted_to_ns, 0) = coalesce(renamed.wanted_to_ns, 0)
    where renamed.edition_id is null
)

select
    standing.edition_id,
    standing.symbol,
    standing.format,
    standing.timeframe,
    standing.covered_from_ns,
    standing.covered_to_ns,
    standing.is_ascending,
    standing.refused_count,
    standing.imported_at,
    standing.import_number,
    standing.load_id
from standing
left join standing as newer
    on
        standing.format = newer.format
        and standing.timeframe_key = newer.timeframe_key
        and standing.import_number < newer.import_number
        and standing.symbol = newer.symbol
        and standing.format <> 'trades_with_ids'
        and standing.covered_from_ns >= newer.covered_from_ns
        and standing.covered_to_ns <= newer.covered_to_ns
        and standing.refused_count >= newer.refused_count
where newer.edition_id is null
order by standing.edition_id
