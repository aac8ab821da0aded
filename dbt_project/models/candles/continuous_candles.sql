{{ config(materialized='view') }}

{%- set columns = candle_names()[1:] %}

-- Apart, so that a query of one symbol reads only the candles of its own markets.
select
    symbol,
    symbol as market,
    {{ columns | join(', ') }}
from {{ ref('candles') }}
where symbol not in (select names.market from {{ ref('market_names') }} as names)
union all
select
    names.symbol,
    candles.symbol as market,
    candles.{{ columns | join(', candles.') }}
from {{ ref('candles') }} as candles
inner join {{ ref('market_names') }} as names
    on
        candles.symbol = names.market
        and (names.named_from is null or candles.bucket_start >= names.named_from)
        and (names.named_until is null or candles.bucket_start < names.named_until)
