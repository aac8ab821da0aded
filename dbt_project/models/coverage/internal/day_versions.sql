{{ config(
    materialized='incremental',
    incremental_strategy=key_strategy(),
    unique_key='symbol',
    partition_by=partitions(['symbol']),
    on_schema_change='fail',
) }}

{%- set marks = ref('build_marks') %}
{%- set facts = [
    'from_ns', 'to_ns', 'is_cut', 'is_bare', 'edition_id', 'archive_load_id', 'page_count', 'new_trade_count', 'trade_count', 'close',
    'close_before',
] %}
{%- set parts = [] %}
{%- for fact in facts %}{% do parts.append(text_of(fact)) %}{% endfor %}

-- A late trade reaches as far as the next one: the close before it is a fact of a quiet day too.
with

-- A bucket that coverage ends within is open where nothing of the symbol comes later, and none before a gap. That coverage goes
-- on changes nothing of a day that it has whole.
pieces as (
    select
        *,
        to_ns = max(to_ns) over (partition by symbol, range_number) and not is_last as is_cut
    from {{ ref('verified_days') }}
    where is_sound
),

days as (
    select
        symbol,
        covered_on,
        {{ joined_in_order("concat(" ~ parts | join(", ' ', ") ~ ", ';')", 'from_ns') }} as facts,
        max(last_load_id) as last_load_id
    from pieces
    group by symbol, covered_on
),

{% if is_incremental() -%}
known as (
    select * from {{ this }}
),

newest as (
    select coalesce(max(version), 0) + 1 as version from {{ this }}
),
{%- else -%}
-- Models that were built before must see all days as new.
known as (
    select
        symbol,
        covered_on,
        facts,
        last_load_id,
        cast(0 as bigint) as version
    from days
    where false
),

newest as (
    select coalesce(max(version), 0) + 1 as version
    from {{ marks }}
    where producer = 'day_versions'
),
{%- endif %}

-- A day that lost its coverage stays, without facts, so that what was built of it is taken away. The same facts of other
-- answers may be those of other trades: a repair replaces them.
versions as (
    select
        coalesce(days.covered_on, known.covered_on) as covered_on,
        coalesce(days.facts, '') as facts,
        coalesce(days.last_load_id, known.last_load_id) as last_load_id,
        case
            when
                known.facts = coalesce(days.facts, '')
                and coalesce(known.last_load_id, '') = coalesce(days.last_load_id, known.last_load_id, '')
                then known.version
            else newest.version
        end as version,
        coalesce(days.symbol, known.symbol) as symbol
    from days
    full outer join known on days.symbol = known.symbol and days.covered_on = known.covered_on
    cross join newest
),

changed as (
    select versions.symbol
    from versions
    inner join newest on versions.version = newest.version
)

select
    covered_on,
    facts,
    last_load_id,
    cast(version as bigint) as version,
    symbol
from versions
where symbol in (select changed.symbol from changed)
order by symbol, covered_on
