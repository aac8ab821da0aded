{{ config(materialized='ephemeral') }}

-- Laid over what is stored, for lines come and go without a load, and their last day passes.
select
    compared.timeframe,
    compared.symbol,
    compared.bucket_on,
    compared.bucket_start_ns,
    min(lines.reason) as reason
from {{ ref('compared_candles') }} as compared
inner join {{ ref('stg_accepted_differences') }} as lines
    on compared.symbol = lines.symbol and compared.timeframe = lines.timeframe
where
    compared.bucket_status in ('differs', 'missing_here', 'revised')
    and not lines.is_expired
    and {{ is_in_line('compared', 'lines') }}
group by compared.timeframe, compared.symbol, compared.bucket_on, compared.bucket_start_ns
