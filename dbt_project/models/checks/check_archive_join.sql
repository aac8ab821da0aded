{{ config(
    tags='archives',
    materialized='incremental',
    incremental_strategy=replace_strategy(),
    partition_by=partitions(['symbol', 'seam_on']),
    on_schema_change='fail',
    pre_hook="{{ kraken_candles.clear_pending_days('seam_on') }}",
    post_hook="{{ kraken_candles.set_marks(['day_versions']) }}",
) }}

{%- set second_ns = 1000000000 %}
{%- set has_files = not execute or load_relation(source('kraken_raw', 'archive_files')) is not none %}

-- A trade that is dropped must be among those taken: as many trades of its second, price and volume must be there. A file without
-- ids knows no more of a trade than that.
with

pieces as (
    select * from {{ ref('day_pieces') }}
    where (symbol, covered_on) in {{ pending_days() }}
),

seams as (
    select distinct
        pieces.symbol,
        pieces.covered_on
    from pieces
    left join {{ ref('ledger_days') }} as ledger on pieces.symbol = ledger.symbol and pieces.covered_on = ledger.covered_on
    where pieces.source_count > 1 or (pieces.archive_load_id is not null and ledger.new_trade_count > 0)
),

sides as (
    select
        trades.symbol,
        trades.traded_on,
        cast(0 as bigint) as edition_id,
        trades.time_ns,
        trades.price,
        trades.volume
    from {{ ref('stg_trades') }} as trades
    -- Spark would sort all trades of a lake to find that nothing joins them.
    where {{ pending_bounds('trades.traded_on') }}{{ '' if has_files else ' and false' }}
    union all
    select
        editions.symbol,
        trades.traded_on,
        trades.edition_id,
        trades.time_ns,
        trades.price,
        trades.volume
    from {{ ref('stg_archive_trades') }} as trades
    inner join {{ ref('archive_editions') }} as editions on trades.edition_id = editions.edition_id
    where {{ pending_bounds('trades.traded_on') }}
),

placed as (
    select
        sides.symbol,
        sides.traded_on as seam_on,
        sides.edition_id,
        {{ bucket_start('sides.time_ns', second_ns) }} as second_at_ns,
        sides.price,
        sides.volume,
        case when pieces.edition_id = sides.edition_id then 1 else 0 end as taken,
        case when pieces.edition_id <> sides.edition_id then 1 else 0 end as dropped
    from sides
    inner join seams on sides.symbol = seams.symbol and sides.traded_on = seams.covered_on
    left join pieces
        on
            sides.symbol = pieces.symbol
            and sides.traded_on = pieces.covered_on
            and sides.time_ns >= pieces.from_ns
            and sides.time_ns < pieces.to_ns
),

equals as (
    select
        symbol,
        seam_on,
        edition_id,
        volume,
        count(*) as trades,
        sum(taken) as taken,
        sum(dropped) as dropped,
        sum(sum(taken)) over (partition by symbol, seam_on, second_at_ns, price, volume) as taken_of_all
    from placed
    group by symbol, seam_on, edition_id, second_at_ns, price, volume
),

missed as (
    select
        *,
        case when dropped > taken_of_all then dropped - taken_of_all else 0 end as lost
    from equals
),

counted as (
    select
        symbol,
        seam_on,
        edition_id,
        cast(sum(trades) as bigint) as trade_count,
        cast(sum(taken) as bigint) as taken_count,
        cast(sum(dropped) as bigint) as dropped_count,
        cast(sum(lost) as bigint) as lost_count,
        {% for figure, number in [('trade', 'trades'), ('taken', 'taken'), ('dropped', 'dropped')] %}
        {{ volume_of('volume', number) }} as {{ figure }}_volume,
        {% endfor %}
        {{ volume_of('volume', 'lost') }} as lost_volume
    from missed
    group by symbol, seam_on, edition_id
),

placed_pieces as (
    select
        *,
        min(from_ns) over (partition by symbol, covered_on) as first_ns
    from pieces
),

decided as (
    select
        symbol,
        covered_on,
        min(edition_id) as lowest_edition_id,
        max(edition_id) as highest_edition_id,
        min(case when is_split and from_ns > first_ns then from_ns end) as split_at_ns
    from placed_pieces
    group by symbol, covered_on
)

select
    files.symbol,
    files.seam_on,
    files.edition_id,
    cast(
        case
            when decided.lowest_edition_id < decided.highest_edition_id then 'split'
            when decided.lowest_edition_id = 0 then 'rest'
            when decided.lowest_edition_id = files.edition_id then 'archive'
            else 'other_archive'
        end as {{ dbt.type_string() }}
    ) as decision,
    {{ timestamp_from_ns('decided.split_at_ns') }} as split_at,
    {% for side, name in [('rest', 'answers'), ('archive', 'files')] %}
    cast(coalesce({{ name }}.trade_count, 0) as bigint) as {{ side }}_trade_count,
    cast(coalesce({{ name }}.trade_volume, 0) as decimal(38, 12)) as {{ side }}_base_volume,
    cast(coalesce({{ name }}.taken_count, 0) as bigint) as taken_from_{{ side }}_count,
    cast(coalesce({{ name }}.taken_volume, 0) as decimal(38, 12)) as taken_from_{{ side }}_volume,
    {% endfor %}
    {% for figure in ['dropped', 'lost'] %}
    cast(files.{{ figure }}_count + coalesce(answers.{{ figure }}_count, 0) as bigint) as {{ figure }}_trade_count,
    cast(files.{{ figure }}_volume + coalesce(answers.{{ figure }}_volume, 0) as decimal(38, 12)) as {{ figure }}_base_volume
    {%- if not loop.last %},{% endif %}
    {% endfor %}
from counted as files
inner join decided on files.symbol = decided.symbol and files.seam_on = decided.covered_on
left join counted as answers
    on files.symbol = answers.symbol and files.seam_on = answers.seam_on and answers.edition_id = 0
where files.edition_id > 0
order by files.seam_on, files.symbol, files.edition_id
