{{ config(
    tags='archives',
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='append_new_columns',
) }}

-- Each file is counted once, in the first build after its import: later its trades may be removed, or a newer file takes its
-- place.
with

editions as (
    select * from {{ ref('archive_editions') }}
    {% if is_incremental() -%}
    where edition_id not in (select counted.edition_id from {{ this }} as counted)
    {%- endif %}
),

parts as (
    select
        parts.*,
        lag(parts.last_trade_id) over (partition by parts.edition_id order by parts.first_trade_id) as last_id_before
    from {{ ref('stg_archive_parts') }} as parts
    inner join editions on parts.edition_id = editions.edition_id
    where parts.format = 'trades_with_ids' and parts.first_trade_id is not null
),

numbered as (
    select
        *,
        sum(case when first_trade_id = last_id_before + 1 then 0 else 1 end) over (
            partition by edition_id order by first_trade_id rows between unbounded preceding and current row
        ) as run_number
    from parts
),

runs as (
    select
        edition_id,
        symbol,
        min(first_trade_id) as first_trade_id,
        max(last_trade_id) as last_trade_id
    from numbered
    group by edition_id, symbol, run_number
),

spans as (
    select
        parts.edition_id,
        parts.symbol,
        sum(parts.idless_count) as idless_count,
        min(parts.first_time_ns) as first_time_ns,
        max(parts.last_time_ns) as last_time_ns
    from {{ ref('stg_archive_parts') }} as parts
    inner join editions on parts.edition_id = editions.edition_id
    where parts.format = 'trades_with_ids'
    group by parts.edition_id, parts.symbol
    having sum(parts.idless_count) > 0
),

-- Of a day whose trades were removed before nobody can count the file's any more.
removed as (
    select distinct parts.edition_id
    from {{ ref('stg_archive_parts') }} as parts
    inner join editions on parts.edition_id = editions.edition_id
    inner join {{ ref('bare_days') }} as bare
        on
            parts.symbol = bare.symbol
            and bare.bare_on >= cast({{ timestamp_from_ns('parts.first_time_ns') }} as date)
            and bare.bare_on <= cast({{ timestamp_from_ns('parts.last_time_ns') }} as date)
    where parts.format = 'trades_with_ids'
),

found as (
    {% for format, volume, rows in [
        ('trades', 'volume', ref('stg_archive_trades')), ('candles', 'base_volume', archive_candles()),
    ] %}
    select
        stored.edition_id,
        count(*) as row_count,
        {{ sum_exact('stored.' ~ volume) }} as base_volume
    from {{ rows }} as stored
    where
        stored.edition_id in (
            select editions.edition_id from editions
            where editions.format = '{{ format }}'
        )
    group by stored.edition_id
    union all
    {% endfor %}
    select
        runs.edition_id,
        count(*) as row_count,
        {{ sum_exact('trades.volume') }} as base_volume
    from {{ ref('stg_trades') }} as trades
    inner join runs
        on
            trades.symbol = runs.symbol
            and trades.trade_id >= runs.first_trade_id
            and trades.trade_id <= runs.last_trade_id
    where trades.trade_id > 0
    group by runs.edition_id
    union all
    select
        spans.edition_id,
        count(*) as row_count,
        {{ sum_exact('trades.volume') }} as base_volume
    from {{ ref('stg_trades') }} as trades
    inner join spans
        on
            trades.symbol = spans.symbol
            and trades.time_ns >= spans.first_time_ns
            and trades.time_ns <= spans.last_time_ns
    where trades.trade_id = 0
    group by spans.edition_id
)

select
    editions.edition_id,
    case when max(removed.edition_id) is null then cast(coalesce(sum(found.row_count), 0) as bigint) end as row_count,
    case
        when max(removed.edition_id) is null
            then cast(coalesce({{ sum_exact('found.base_volume') }}, 0) as decimal(38, 12))
    end as base_volume,
    {{ utc_now() }} as counted_at
from editions
left join found on editions.edition_id = found.edition_id
left join removed on editions.edition_id = removed.edition_id
group by editions.edition_id
