{%- set piece_of = "trades.symbol = pieces.symbol and trades.traded_on = pieces.covered_on
        and trades.time_ns >= pieces.from_ns and trades.time_ns < pieces.to_ns" %}

-- Of what several sources have, the trades of the one that is chosen; what no source proves is shown all the same.
with

pieces as (
    select
        symbol,
        covered_on,
        from_ns,
        to_ns,
        edition_id
    from {{ ref('day_pieces').include(database=false) }}
),

loads as (
    select distinct load_id
    from {{ ref('stg_archive_parts').include(database=false) }}
)

select
    trades.symbol,
    nullif(trades.trade_id, 0) as trade_id,
    inferred.inferred_trade_id,
    trades.time_ns,
    trades.traded_at,
    trades.traded_on,
    trades.price,
    trades.volume,
    trades.side,
    trades.order_type,
    trades.misc,
    cast(case when loads.load_id is null then 'rest' else 'archive' end as string) as source
from {{ ref('stg_trades').include(database=false) }} as trades
left join pieces on {{ piece_of }} and pieces.edition_id > 0
left join loads on trades.load_id = loads.load_id
left join {{ ref('inferred_ids').include(database=false) }} as inferred
    on
        nullif(trades.idless_time_ns, 0) = inferred.time_ns
        and trades.place = inferred.place
        and trades.symbol = inferred.symbol
        and trades.traded_on = inferred.traded_on
where pieces.symbol is null and {{ utc_session() }}
union all
select
    trades.symbol,
    cast(null as bigint) as trade_id,
    cast(null as bigint) as inferred_trade_id,
    trades.time_ns,
    {{ timestamp_from_ns('trades.time_ns') }} as traded_at,
    trades.traded_on,
    trades.price,
    trades.volume,
    cast(null as string) as side,
    cast(null as string) as order_type,
    cast(null as string) as misc,
    cast('archive' as string) as source
from {{ ref('stg_archive_trades').include(database=false) }} as trades
inner join {{ ref('archive_editions').include(database=false) }} as editions on trades.edition_id = editions.edition_id
left join pieces on {{ piece_of }}
left join {{ ref('archive_editions').include(database=false) }} as newer
    on
        trades.symbol = newer.symbol
        and newer.format = 'trades'
        and editions.import_number < newer.import_number
        and trades.time_ns >= newer.covered_from_ns
        and trades.time_ns < newer.covered_to_ns
where
    (pieces.edition_id = trades.edition_id or (pieces.symbol is null and newer.edition_id is null))
    and {{ utc_session() }}
