-- Where as many trades without an id stand between two known ids as ids lie between these, those are theirs, in Kraken's order.
-- Made anew as a whole, for a trade that comes late may prove or disprove a run that began months before it.
with

idless as (
    select
        symbol,
        traded_on,
        time_ns,
        place,
        after_trade_id,
        load_id
    from {{ ref('stg_trades') }}
    where trade_id = 0
),

-- A load that began among such trades knew no id before them: the ledger knows the last one of the loads before.
ordered as (
    select
        *,
        true as is_trade
    from idless
    union all
    select
        symbol,
        cast(null as date) as traded_on,
        last_time_ns as time_ns,
        cast(100000 as bigint) as place, -- behind all trades of the instant
        last_trade_id as after_trade_id,
        cast(null as {{ dbt.type_string() }}) as load_id,
        false as is_trade
    from {{ ref('ledger_entries') }}
    where last_trade_id is not null and symbol in (select idless.symbol from idless)
),

-- In an instant whose trades came with different loads nobody saw their order.
followed as (
    select
        symbol,
        traded_on,
        time_ns,
        place,
        is_trade,
        case
            when after_trade_id > 0 then after_trade_id
            else max(after_trade_id) over (
                partition by symbol order by time_ns, place
                rows between unbounded preceding and 1 preceding
            )
        end as id_before,
        count(case when is_trade then 1 end) over (
            partition by symbol order by time_ns, place
            rows between unbounded preceding and current row
        ) as number,
        time_ns = lag(time_ns) over (partition by symbol order by time_ns, place)
        and load_id <> lag(load_id) over (partition by symbol order by time_ns, place) as is_mixed
    from ordered
),

numbered as (
    select * from followed
    where is_trade and id_before > 0
),

runs as (
    select
        symbol,
        id_before,
        id_before + count(*) + 1 as id_after,
        min(number) as first_number,
        min(time_ns) as first_time_ns,
        max(time_ns) as last_time_ns
    from numbered
    group by symbol, id_before
    having max(number) - min(number) + 1 = count(*) and max(case when is_mixed then 1 else 0 end) = 0
),

inferred as (
    select
        numbered.symbol,
        numbered.traded_on,
        numbered.time_ns,
        numbered.place,
        runs.id_before,
        runs.id_before + numbered.number - runs.first_number + 1 as inferred_trade_id
    from numbered
    inner join runs on numbered.symbol = runs.symbol and numbered.id_before = runs.id_before
),

-- The ids on both sides must be there, those between must not.
looked_up as (
    {% for ids, trade_id in [('runs', 'id_before'), ('runs', 'id_after'), ('inferred', 'inferred_trade_id')] %}
    select
        symbol,
        id_before,
        {{ trade_id }} as trade_id
    from {{ ids }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

-- Of a day whose trades are removed every id between its first and its last had arrived.
known as (
    select
        looked_up.symbol,
        looked_up.id_before,
        trades.trade_id as first_trade_id,
        trades.trade_id as last_trade_id,
        trades.time_ns as from_ns,
        trades.time_ns as to_ns
    from looked_up
    inner join {{ ref('stg_trades') }} as trades on looked_up.symbol = trades.symbol and looked_up.trade_id = trades.trade_id
    union all
    select
        runs.symbol,
        runs.id_before,
        bare.first_trade_id,
        bare.last_trade_id,
        {{ ns_from_timestamp('cast(bare.bare_on as timestamp)') }} as from_ns,
        {{ ns_from_timestamp('cast(bare.bare_on as timestamp)') }} + 86400000000000 as to_ns
    from runs
    inner join {{ ref('bare_days') }} as bare
        on runs.symbol = bare.symbol and runs.id_after >= bare.first_trade_id and runs.id_before <= bare.last_trade_id
),

proven as (
    select
        runs.symbol,
        runs.id_before
    from runs
    inner join known on runs.symbol = known.symbol and runs.id_before = known.id_before
    group by runs.symbol, runs.id_before
    having
        max(case when known.first_trade_id <= runs.id_before and known.from_ns <= runs.first_time_ns then 1 else 0 end) = 1
        and max(case when known.last_trade_id >= runs.id_after and known.to_ns >= runs.last_time_ns then 1 else 0 end) = 1
        and max(case when known.first_trade_id < runs.id_after and known.last_trade_id > runs.id_before then 1 else 0 end) = 0
)

select
    inferred.symbol,
    inferred.traded_on,
    inferred.time_ns,
    inferred.place,
    cast(inferred.inferred_trade_id as bigint) as inferred_trade_id
from inferred
inner join proven on inferred.symbol = proven.symbol and inferred.id_before = proven.id_before
order by inferred.symbol, inferred.time_ns, inferred.place
