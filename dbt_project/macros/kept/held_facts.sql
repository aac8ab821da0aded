{# A select of what kept candles say of pieces of bare days, with the columns that covered_days counts of trades. A piece that they do
   not bear out, because some are lost or because it cuts through one of them, has unsound trades. #}
{% macro held_facts(pieces) %}
    {%- set day_ns = 86400000000000 %}
    select
        pieces.symbol,
        pieces.from_ns,
        coalesce(sum(candles.trade_count), 0) as trade_count,
        coalesce(sum(candles.trade_count), 0) as id_count,
        coalesce(sum(candles.trade_count), 0) as distinct_trade_count,
        case
            when max(bare.finest_ns) is null then max(bare.trade_count)
            when max(pieces.to_ns) - pieces.from_ns < {{ day_ns }}
                then max(pieces.from_ns % bare.finest_ns) + max(pieces.to_ns % bare.finest_ns)
            when
                max(bare.trade_count) = coalesce(sum(candles.trade_count), 0)
                and max(bare.base_volume) = coalesce({{ kraken_candles.sum_exact('candles.base_volume') }}, 0)
                then 0
            else max(bare.trade_count)
        end as unsound_trade_count,
        min(candles.first_trade_id) as first_trade_id,
        max(candles.last_trade_id) as last_trade_id,
        {{ kraken_candles.sum_exact('candles.base_volume') }} as base_volume,
        {{ kraken_candles.last_by('candles.close', 'candles.bucket_start_ns') }} as close,
        cast(null as bigint) as first_row,
        cast(null as bigint) as last_row
    from {{ pieces }} as pieces
    inner join {{ ref('bare_days') }} as bare on pieces.symbol = bare.symbol and pieces.covered_on = bare.bare_on
    left join {{ ref('kept_candles') }} as candles
        on
            bare.symbol = candles.symbol
            and bare.bare_on = candles.kept_on
            and bare.finest_ns = candles.size_ns
            and pieces.from_ns <= candles.bucket_start_ns
            and pieces.to_ns >= candles.bucket_start_ns + candles.size_ns
            and {{ kraken_candles.stale_bounds('candles.kept_on') }}
    where pieces.is_bare
    group by pieces.symbol, pieces.from_ns
{% endmacro %}
