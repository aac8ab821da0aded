{{ config(materialized='view', post_hook="{{ kraken_candles.keep_shown_candles() }}") }}

select
    {{ candle_columns() }}
from {{ with_sessions(shown_candles()) }} as shown
where {{ utc_session() }}
