{{ config(materialized='view') }}

{% for model in ['certified_days', 'exchange_days'] %}
select
    {{ 'source' if model == 'exchange_days' else "cast('trades' as " ~ dbt.type_string() ~ ") as source" }},
    symbol,
    timeframe,
    {{ year_of('bucket_on') }} as year,
    bucket_on,
    row_count,
    {% if model == 'certified_days' -%}
    md5(concat(content_hash, '|', taker_hash)) as content_hash
    {%- else -%}
    content_hash
    {%- endif %}
from {{ ref(model) }}
where row_count > 0
{% if not loop.last %}union all{% endif %}
{% endfor %}
