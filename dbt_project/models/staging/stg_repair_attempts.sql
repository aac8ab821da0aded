{%- set attempts = source('kraken_ops', 'repair_attempts') %}
{%- set columns = {
    'symbol': dbt.type_string(), 'from_ns': 'bigint', 'to_ns': 'bigint', 'reason': dbt.type_string(), 'first_missing_id': 'bigint',
    'last_missing_id': 'bigint', 'times_asked': 'bigint', 'outcome': dbt.type_string(), 'error': dbt.type_string(),
    'is_given_up': 'boolean', 'happened_at': 'timestamp',
} %}

-- Before the first repair there is no such table, nor where another program loads.
{% if execute and load_relation(attempts) is not none -%}
select
    {% for name in columns %}
    {{ name }},
    {% endfor %}
    job_id
from {{ attempts.include(database=false) }}
{%- else -%}
select
    {% for name, type in columns.items() %}
    cast(null as {{ type }}) as {{ name }},
    {% endfor %}
    cast(null as {{ dbt.type_string() }}) as job_id
where false
{%- endif %}
