{# The body of a check by field: a row for each field of each row of `compared`, with the reason of the line that accepts it. more: other columns of
   compared, which stand last. contradicted: the buckets of which differs is contradicted; in a branch of its own, so that a condition on
   bucket_status reaches what is stored. #}
{% macro unfolded_candles(compared, referee, more, contradicted=none) -%}
{%- set names = kraken_candles.compared_fields(referee) -%}
with

accepted_here as (
    {{ kraken_candles.accepted_buckets(compared, referee) }}
),

fields as (
    {% for field in names %}
    select cast('{{ field }}' as {{ dbt.type_string() }}) as field
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

unfolded as (
    {% for may_be_contradicted in [true, false] if contradicted or not may_be_contradicted %}
    select
        compared.symbol,
        compared.timeframe,
        {{ kraken_candles.timestamp_from_ns('compared.bucket_start_ns') }} as bucket_start,
        fields.field,
        {% for part in ['{}_status', 'our_{}', 'their_{}'] %}
        case fields.field
            {% for field in names %}
            when '{{ field }}' then compared.{{ part.format(field) }}
            {% endfor %}
        end as {{ ['status', 'ours', 'theirs'][loop.index0] }},
        {% endfor %}
        {% if may_be_contradicted -%}
        case when contradicted.symbol is null then compared.bucket_status else 'contradicted' end as bucket_status,
        {%- else -%}
        compared.bucket_status,
        {%- endif %}
        {% for name in more %}
        compared.{{ name }},
        {% endfor %}
        accepted.reason
    from {{ compared }} as compared
    cross join fields
    left join accepted_here as accepted
        on
            compared.timeframe = accepted.timeframe
            and compared.symbol = accepted.symbol
            and compared.bucket_on = accepted.bucket_on
            and compared.bucket_start_ns = accepted.bucket_start_ns
    {% if may_be_contradicted -%}
    left join {{ contradicted }} as contradicted
        on
            compared.timeframe = contradicted.timeframe
            and compared.symbol = contradicted.symbol
            and compared.bucket_on = contradicted.bucket_on
            and compared.bucket_start_ns = contradicted.bucket_start_ns
    where compared.bucket_status = 'differs'
    union all
    {%- elif contradicted -%}
    where compared.bucket_status <> 'differs'
    {%- endif %}
    {% endfor %}
)

{%- set status = "case when bucket_status = 'contradicted' and status = 'differs' then 'contradicted' else status end" if contradicted else 'status' %}
{%- set is_acceptable = 'status in ' ~ kraken_candles.acceptable_literals(referee) %}

select
    symbol,
    timeframe,
    bucket_start,
    field,
    {{ status ~ ' as status' if contradicted else status }},
    ours,
    theirs,
    cast(ours - theirs as decimal(38, 12)) as difference,
    bucket_status,
    reason is not null and {{ is_acceptable }} as is_accepted,
    case when {{ is_acceptable }} then reason end as accepted_reason,
    {{ more | join(', ') }}
from unfolded
{%- endmacro %}
