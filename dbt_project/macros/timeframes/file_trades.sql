{# What the trades of files without ids say of the pieces whose source is such a file, with the columns that covered_days counts of
   trades. Where the times in the file never go back, the rows of a piece have numbers without a break. #}
{% macro file_facts(pieces) %}
    {%- set count = 'count(*)' %}
    {%- set numbers = 'sum(trades.row_number)' %}
    select
        pieces.symbol,
        pieces.from_ns,
        {{ count }} as trade_count,
        0 as id_count,
        {{ count }} as distinct_trade_count,
        sum(case when trades.price > 0 and trades.volume >= 0 then 0 else 1 end)
        + max(case when editions.is_ascending then 1 else 0 end) * (
            abs(max(trades.row_number) - min(trades.row_number) + 1 - {{ count }})
            + abs({{ numbers }} * 2 - (max(trades.row_number) + min(trades.row_number)) * {{ count }})
        ) as unsound_trade_count,
        cast(null as bigint) as first_trade_id,
        cast(null as bigint) as last_trade_id,
        {{ kraken_candles.sum_exact('trades.volume') }} as base_volume,
        {{ kraken_candles.last_by('trades.price', kraken_candles.trade_order('trades.time_ns', '0', '0', 'trades.row_number')) }} as close,
        min(case when editions.is_ascending then trades.row_number end) as first_row,
        max(case when editions.is_ascending then trades.row_number end) as last_row
    from {{ pieces }} as pieces
    inner join {{ ref('archive_editions') }} as editions on pieces.edition_id = editions.edition_id
    inner join {{ ref('stg_archive_trades') }} as trades
        on
            pieces.edition_id = trades.edition_id
            and pieces.covered_on = trades.traded_on
            and pieces.from_ns <= trades.time_ns
            and pieces.to_ns > trades.time_ns
    where {{ kraken_candles.stale_bounds('trades.traded_on') }}
    group by pieces.symbol, pieces.from_ns
{% endmacro %}
