{{ config(materialized='view') }}

with

fields as (
    {% for field in compared_fields() %}
    select cast('{{ field }}' as {{ dbt.type_string() }}) as field
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

unfolded as (
    select
        compared.symbol,
        compared.timeframe,
        {{ timestamp_from_ns('compared.bucket_start_ns') }} as bucket_start,
        fields.field,
        {% for part in ['{}_status', 'our_{}', 'their_{}'] %}
        case fields.field
            {% for field in compared_fields() %}
            when '{{ field }}' then compared.{{ part.format(field) }}
            {% endfor %}
        end as {{ ['status', 'ours', 'theirs'][loop.index0] }},
        {% endfor %}
        compared.bucket_status,
        compared.fetched_at,
        accepted.reason
    from {{ ref('compared_candles') }} as compared
    cross join fields
    left join {{ ref('accepted_candles') }} as accepted
        on
            compared.timeframe = accepted.timeframe
            and compared.symbol = accepted.symbol
            and compared.bucket_on = accepted.bucket_on
            and compared.bucket_start_ns = accepted.bucket_start_ns
)

select
    symbol,
    timeframe,
    bucket_start,
    field,
    status,
    ours,
    theirs,
    cast(ours - theirs as decimal(38, 12)) as difference,
    bucket_status,
    reason is not null and status in ('differs', 'missing_here', 'revised') as is_accepted,
    case when status in ('differs', 'missing_here', 'revised') then reason end as accepted_reason,
    fetched_at
from unfolded
