{# The buckets of a model of compared candles that a line of the accepted differences, not expired, covers. Laid over what is stored, for
   lines come and go without a load, and their last day passes. #}
{% macro accepted_buckets(compared, referee) -%}
select
    compared.timeframe,
    compared.symbol,
    compared.bucket_on,
    compared.bucket_start_ns,
    min(lines.reason) as reason
from {{ compared }} as compared
inner join {{ ref('stg_accepted_differences') }} as lines
    on compared.symbol = lines.symbol and compared.timeframe = lines.timeframe
where
    compared.bucket_status in {{ kraken_candles.acceptable_literals(referee) }}
    and not lines.is_expired
    and {{ kraken_candles.is_in_line(kraken_candles.timestamp_from_ns('compared.bucket_start_ns'), 'lines') }}
group by compared.timeframe, compared.symbol, compared.bucket_on, compared.bucket_start_ns
{%- endmacro %}
