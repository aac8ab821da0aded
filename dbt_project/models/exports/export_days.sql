{{ config(materialized='view') }}

{% for source, model in [('trades', 'certified_days'), ('rest', 'rest_days'), ('archive', 'archive_days')] %}
select
    cast('{{ source }}' as {{ dbt.type_string() }}) as source,
    symbol,
    timeframe,
    {{ year_of('bucket_on') }} as year,
    bucket_on,
    row_count,
    content_hash
from {{ ref(model) }}
where row_count > 0
{% if not loop.last %}union all{% endif %}
{% endfor %}
