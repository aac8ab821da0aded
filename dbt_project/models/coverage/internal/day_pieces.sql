-- One source for each day, where one has it whole; other days are split.
with

chosen as (
    select
        symbol,
        covered_on,
        edition_id,
        from_ns,
        to_ns,
        false as is_split
    from {{ ref('sourced_days') }}
    where
        not is_archived
        or (is_whole_day and is_whole)
        or (not is_whole_day and is_bare and edition_id = 0)
    union all
    select
        symbol,
        covered_on,
        edition_id,
        from_ns,
        to_ns,
        true as is_split
    from {{ ref('split_days') }}
),

known as (
    select
        sources.symbol,
        sources.covered_on,
        max(sources.source_count) as source_count,
        max(editions.load_id) as archive_load_id
    from {{ ref('sourced_days') }} as sources
    left join {{ ref('archive_editions') }} as editions on sources.edition_id = editions.edition_id
    group by sources.symbol, sources.covered_on
)

select
    chosen.symbol,
    chosen.covered_on,
    chosen.from_ns,
    chosen.to_ns,
    chosen.edition_id,
    chosen.is_split,
    chosen.to_ns = max(chosen.to_ns) over (partition by chosen.symbol) as is_last,
    known.source_count,
    known.archive_load_id
from chosen
inner join known on chosen.symbol = known.symbol and chosen.covered_on = known.covered_on
order by chosen.symbol, chosen.covered_on, chosen.from_ns
