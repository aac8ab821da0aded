"""Which imported files count: the SQL of it that Python asks. The dbt model `archive_editions` says the same."""


def editions(files: str, loads: str) -> str:
    """Return the CTEs `renamed`, `standing` and `replaced` over the raw tables of these names; for a `with`.

    A file that came again under another symbol, a known one, was called by the wrong one before (`renamed`); a copy
    under another name is none (a file whose name tells no market has its symbol for an altname). Of those that stand,
    the one imported last takes the place of all whose time it holds, unless more of its rows were refused
    (`replaced`). Each has older_id and newer_id, the newest one that takes its place.
    """
    return f"""
        files as (
            select f.*, coalesce(f.timeframe, '') as timeframe_key,
                row_number() over (order by f.imported_at, f.edition_id) as import_number
            from {files} as f
            inner join {loads} as l on f._dlt_load_id = l.load_id and l.status = 0
            where f.row_count > 0
        ),
        renamed as (
            select older.edition_id as older_id, max_by(newer.edition_id, newer.import_number) as newer_id
            from files as older
            inner join files as newer
                on older.format = newer.format and older.timeframe_key = newer.timeframe_key
                and older.import_number < newer.import_number
                and older.symbol <> newer.symbol
                and (newer.symbol <> newer.altname or newer.altname like '%/%')
                and (older.altname = newer.altname or older.altname like '%/%' or newer.altname like '%/%')
                and older.content_hash = newer.content_hash
                and coalesce(older.wanted_from_ns, 0) = coalesce(newer.wanted_from_ns, 0)
                and coalesce(older.wanted_to_ns, 0) = coalesce(newer.wanted_to_ns, 0)
            group by older.edition_id
        ),
        standing as (
            select * from files where edition_id not in (select older_id from renamed)
        ),
        replaced as (
            select older.edition_id as older_id, max_by(newer.edition_id, newer.import_number) as newer_id
            from standing as older
            inner join standing as newer
                on older.format = newer.format and older.timeframe_key = newer.timeframe_key
                and older.import_number < newer.import_number
                and older.symbol = newer.symbol and older.format <> 'trades_with_ids'
                and older.covered_from_ns >= newer.covered_from_ns and older.covered_to_ns <= newer.covered_to_ns
                and older.refused_count >= newer.refused_count
            group by older.edition_id
        )
    """  # noqa: S608 - own names only
