{{ config(materialized='ephemeral') }}

-- Between the first and the last candle of one answer Kraken left these out; between two answers nobody may have asked.
select
    ours.timeframe,
    ours.symbol,
    ours.bucket_on,
    ours.bucket_start_ns,
    min(answers.fetched_at) as fetched_at
from {{ ref('built_candles') }} as ours
inner join {{ ref('rest_snapshots') }} as answers
    on
        ours.symbol = answers.symbol
        and ours.timeframe = answers.timeframe
        and ours.bucket_start_ns >= answers.first_bucket_ns
        and ours.bucket_start_ns <= answers.last_bucket_ns
inner join {{ ref('timeframes') }} as timeframes
    on
        answers.timeframe = timeframes.timeframe
        and answers.timeframe_seconds * 1000000000 = timeframes.size_ns
        and timeframes.offset_ns = 0
left join {{ ref('rest_versions') }} as rest
    on
        ours.symbol = rest.symbol
        and ours.timeframe = rest.timeframe
        and ours.bucket_on = rest.bucket_on
        and ours.bucket_start_ns = rest.bucket_start_ns
where ours.is_closed and not answers.is_whole and rest.symbol is null
group by ours.timeframe, ours.symbol, ours.bucket_on, ours.bucket_start_ns
