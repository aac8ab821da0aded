{% set no_close_before = 'is_quiet and close_before is null' -%}
{% set quotient_is_cut -%}
(our_vwap is null and their_vwap is null)
                or (
                    {{ multiply_exact('their_vwap', 'our_base_volume') }} <= our_quote_volume
                    and our_quote_volume < {{ multiply_exact(
                        'cast(their_vwap + price_step * ' ~ checked_number('kraken_candles_vwap_steps') ~ ' as decimal(38, 12))',
                        'our_base_volume'
                    ) }}
                )
{%- endset -%}

with

compared as (
    select * from {{ ref('compared_candles') }}
),

fields as (
    {% for field in ['open', 'high', 'low', 'close'] %}
    {{ compared_field(field, within_tolerance(field, 'price'), is_unknown=no_close_before) }}
    union all
    {% endfor %}
    {{ compared_field('base_volume', within_tolerance('base_volume', 'base_volume')) }}
    union all
    {{ compared_field('trade_count', within_tolerance('trade_count', 'trade_count')) }}
    union all
    {{ compared_field('vwap', quotient_is_cut, is_unknown='their_vwap is not null and price_step is null') }}
)

select * from fields
order by symbol, timeframe, bucket_start, field
