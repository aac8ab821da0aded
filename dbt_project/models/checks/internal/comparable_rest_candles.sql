{{ config(materialized='ephemeral') }}

-- Kraken's candles of a length that we do not make, or that we count from another moment, have nothing to be compared with, nor
-- have those of buckets of ours that cannot be made any more.
select
    rest.timeframe,
    rest.symbol,
    rest.bucket_on,
    rest.bucket_start_ns,
    {% for field in compared_fields() %}
    rest.{{ field }},
    {% endfor %}
    rest.is_newest,
    rest.first_fetched_at
from {{ ref('rest_versions') }} as rest
inner join {{ ref('timeframes') }} as timeframes
    on
        rest.timeframe = timeframes.timeframe
        and rest.timeframe_seconds * 1000000000 = timeframes.size_ns
        and timeframes.offset_ns = 0
inner join {{ ref('coverage') }} as ranges
    on
        rest.symbol = ranges.symbol
        and rest.bucket_start_ns >= ranges.covered_from_ns
        and rest.bucket_start_ns + rest.timeframe_seconds * 1000000000 <= ranges.covered_to_ns
left join {{ ref('absent_days') }} as absent
    on rest.symbol = absent.symbol and rest.timeframe = absent.timeframe and rest.bucket_on = absent.bucket_on
where absent.symbol is null
