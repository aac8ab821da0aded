{{ config(materialized='ephemeral') }}

-- Where coverage holds a bucket, trades decide it, also that nothing traded: Kraken's candle is the best there is only outside of it.
-- Its rows stay as Kraken gave them; only the policy omit, which wants no row, takes the empty ones away.
select
    rest.*,
    (ours.timeframe is null or coverage.symbol is null)
    and not (rest.is_empty and {{ empty_bucket_policy('rest.symbol', 'rest.timeframe') }} = 'omit') as is_best
from {{ ref('rest_candles') }} as rest
left join {{ ref('timeframes') }} as ours on rest.timeframe = ours.timeframe
left join {{ ref('coverage') }} as coverage
    on
        rest.symbol = coverage.symbol
        and {{ ns_from_timestamp('rest.bucket_start') }} >= coverage.covered_from_ns
        and {{ ns_from_timestamp('rest.bucket_end') }} <= coverage.covered_to_ns
