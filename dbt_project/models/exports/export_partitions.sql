{%- set day_number = ns_from_timestamp('cast(bucket_on as timestamp)') %}

with

days as (
    select
        *,
        {{ day_number }} as day_number
    from {{ ref('export_days') }}
)

select
    source,
    symbol,
    timeframe,
    year,
    cast(sum(row_count) as bigint) as row_count,
    md5(concat({{ joined_in_order('content_hash', 'day_number') }}, '{{ export_numbers() }}')) as content_hash,
    -- Kraken's candles are exported as it gave them
    case when source = 'trades' then {{ empty_bucket_policy() }} end as empty_bucket_policy,
    cast('{{ export_numbers() }}' as {{ dbt.type_string() }}) as numbers
from days
group by source, symbol, timeframe, year
order by source, symbol, timeframe, year
