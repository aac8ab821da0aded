-- Of files of the same kind the one imported last takes the place of all whose stretch of time it holds, as a whole. Rows with
-- ids need no such choice, for they merge. A file that came again under another symbol was called by the wrong one before.
with

files as (
    select
        *,
        coalesce(timeframe, '') as timeframe_key,
        row_number() over (order by imported_at, edition_id) as import_number
    from {{ ref('stg_archive_files') }}
    where row_count > 0
)

select
    files.edition_id,
    files.symbol,
    files.format,
    files.timeframe,
    files.covered_from_ns,
    files.covered_to_ns,
    files.is_ascending,
    files.imported_at,
    files.import_number,
    files.load_id
from files
left join files as newer
    on
        files.format = newer.format
        and files.timeframe_key = newer.timeframe_key
        and files.import_number < newer.import_number
        and (
            (
                files.symbol = newer.symbol
                and files.format <> 'trades_with_ids'
                and files.covered_from_ns >= newer.covered_from_ns
                and files.covered_to_ns <= newer.covered_to_ns
            )
            or (
                files.symbol <> newer.symbol
                and files.content_hash = newer.content_hash
                and coalesce(files.wanted_from_ns, 0) = coalesce(newer.wanted_from_ns, 0)
                and coalesce(files.wanted_to_ns, 0) = coalesce(newer.wanted_to_ns, 0)
            )
        )
where newer.edition_id is null
order by files.edition_id
