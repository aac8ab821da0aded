{{ config(materialized='view') }}
{%- set variable = 'kraken_candles_market_renames' %}
{%- set columns = {'old_symbol': 'text', 'new_symbol': 'text', 'renamed_at': 'time', 'reason': 'text'} %}
{{- check_accepted_lines(variable, columns) }}
{{- refuse_passing_names(variable) }}

-- A line ends where it says and begins where the line before it ends, be it of the same old or of the same new market: so no
-- bucket of a market has two names, and no name two markets at once.
with

renames as (
    select
        old_symbol,
        new_symbol,
        {{ accepted_timestamp('renamed_at') }} as renamed_at
    from {{ from_accepted_lines(variable, columns) }}
),

followed as (
    select
        *,
        lag(renamed_at) over (partition by new_symbol order by renamed_at, old_symbol) as joined_at,
        lag(renamed_at) over (partition by old_symbol order by renamed_at, new_symbol) as left_at
    from renames
),

sides as (
    select
        old_symbol as symbol,
        renamed_at
    from renames
    union all
    select
        new_symbol as symbol,
        renamed_at
    from renames
)

select
    new_symbol as symbol,
    old_symbol as market,
    case when left_at is null or joined_at > left_at then joined_at else left_at end as named_from,
    renamed_at as named_until
from followed
union all
select
    symbol,
    symbol as market,
    max(renamed_at) as named_from,
    cast(null as timestamp) as named_until
from sides
group by symbol
