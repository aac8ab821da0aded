{{ config(
    materialized='incremental',
    incremental_strategy=key_strategy(),
    unique_key=['timeframe', 'symbol', 'bucket_on'],
    partition_by=partitions(['symbol']),
    full_refresh=false,
    on_schema_change='append_new_columns',
    meta={
        'settings': ['kraken_candles_empty_bucket_policy', 'kraken_candles_empty_bucket_overrides'], 'form': 3,
    },
    post_hook="{{ kraken_candles.set_marks(['day_versions'], ['day_candles', 'spanning_candles']) }}",
) }}

-- What was certified before is read while the new is made, to tell a change; that is why --full-refresh makes every unit anew but
-- drops none. A unit that has no candles any more stays, with a row_count of 0.
with

units as (
    select * from {{ pending_units(with_load=true) }} as pending
    {% if is_incremental() and mark_of('day_versions') < 0 -%}
    union all
    select
        timeframe,
        symbol,
        bucket_on,
        load_id as last_load_id
    from {{ this }}
    where (timeframe, symbol, bucket_on) not in {{ pending_units() }}
    {%- endif %}
),

before as (
    {% if is_incremental() -%}
    select
        timeframe,
        symbol,
        bucket_on,
        row_count,
        content_hash,
        first_bucket_ns,
        last_bucket_ns,
        old_row_count,
        old_hash,
        revised_at,
        revised_version
    from {{ this }}
    where (timeframe, symbol, bucket_on) in (
        select
            units.timeframe,
            units.symbol,
            units.bucket_on
        from units
    )
    {%- else -%}
    select
        timeframe,
        symbol,
        bucket_on,
        cast(0 as bigint) as row_count,
        '' as content_hash,
        cast(0 as bigint) as first_bucket_ns,
        cast(0 as bigint) as last_bucket_ns,
        cast(null as bigint) as old_row_count,
        cast(null as {{ dbt.type_string() }}) as old_hash,
        cast(null as timestamp) as revised_at,
        cast(null as bigint) as revised_version
    from units
    where false
    {%- endif %}
),

lines as (
    select
        timeframe,
        symbol,
        bucket_on,
        bucket_start_ns,
        trade_count,
        first_trade_id,
        last_trade_id,
        md5({{ candle_text() }}) as line,
        case when taker_buy_count is not null then {{ taker_text() }} end as taker_line
    from {{ shown_candles() }} as shown
    where is_closed and {{ pending_unit_bounds() }}
),

-- Candles that only follow or precede those certified before are growth; what stands between them is a revision.
hashed as (
    select
        units.timeframe,
        units.symbol,
        units.bucket_on,
        count(lines.line) as row_count,
        md5(coalesce({{ joined_in_order('lines.line', 'lines.bucket_start_ns') }}, '')) as content_hash,
        -- of the same joined lines, each of which is 32 letters
        md5(
            substring(
                coalesce({{ joined_in_order('lines.line', 'lines.bucket_start_ns') }}, ''),
                cast(32 * count(case when lines.bucket_start_ns < before.first_bucket_ns then 1 end) + 1 as int),
                cast(32 * count(
                    case when lines.bucket_start_ns between before.first_bucket_ns and before.last_bucket_ns then 1 end
                ) as int)
            )
        ) as same_span_hash,
        min(lines.bucket_start_ns) as first_bucket_ns,
        max(lines.bucket_start_ns) as last_bucket_ns,
        coalesce(sum(lines.trade_count), 0) as trade_count,
        md5(coalesce({{ joined_in_order('lines.taker_line', 'lines.bucket_start_ns') }}, '')) as taker_hash,
        min(lines.first_trade_id) as first_trade_id,
        max(lines.last_trade_id) as last_trade_id
    from units
    left join lines
        on units.timeframe = lines.timeframe and units.symbol = lines.symbol and units.bucket_on = lines.bucket_on
    left join before
        on units.timeframe = before.timeframe and units.symbol = before.symbol and units.bucket_on = before.bucket_on
    group by units.timeframe, units.symbol, units.bucket_on
),

compared as (
    select
        hashed.*,
        units.last_load_id,
        before.row_count > 0 and before.content_hash <> hashed.same_span_hash as is_revised,
        -- of two revisions before candle_revisions is built, the older hash is the one that was certified to readers
        coalesce(before.revised_version > {{ copied_revisions() }}, false) as is_uncopied,
        before.row_count as before_row_count,
        before.content_hash as before_hash,
        before.old_row_count,
        before.old_hash,
        before.revised_at,
        before.revised_version,
        {{ next_version('certified_days') }} as version
    from hashed
    inner join units
        on hashed.timeframe = units.timeframe and hashed.symbol = units.symbol and hashed.bucket_on = units.bucket_on
    left join before
        on hashed.timeframe = before.timeframe and hashed.symbol = before.symbol and hashed.bucket_on = before.bucket_on
),

made as (
    select
        row_count,
        content_hash,
        first_bucket_ns,
        last_bucket_ns,
        cast(trade_count as bigint) as trade_count,
        taker_hash,
        first_trade_id,
        last_trade_id,
        last_load_id as load_id,
        case when is_revised and not is_uncopied then before_row_count else old_row_count end as old_row_count,
        case when is_revised and not is_uncopied then before_hash else old_hash end as old_hash,
        case when is_revised then {{ utc_now() }} else revised_at end as revised_at,
        case when is_revised then version else revised_version end as revised_version,
        version,
        {{ utc_now() }} as built_at,
        timeframe,
        bucket_on,
        symbol
    from compared
)

{{ kept_beside('made', '(select timeframe, symbol, bucket_on from units)') }}
