{{ config(materialized='view') }}

{%- set text = dbt.type_string() %}

-- What closes a market stands in the hash as well, for it decides about columns of the files.
{% for model in ['certified_days', 'exchange_days'] %}
select
    {{ 'source' if model == 'exchange_days' else "cast('trades' as " ~ text ~ ") as source" }},
    symbol,
    timeframe,
    {{ year_of('bucket_on') }} as year,
    bucket_on,
    row_count,
    {%- set content = 'content_hash' if model == 'exchange_days' else "md5(concat(content_hash, '|', taker_hash))" %}
    {% if some_market_closes() -%}
    case
        when closed_ns is null then {{ content }}
        else md5(concat(
            {{ content }}, '|', cast(from_week_ns as {{ text }}), '|', cast(closed_ns as {{ text }}), '|', time_zone
        ))
    end as content_hash
    {%- else -%}
    {{ content }} as content_hash
    {%- endif %}
from {{ with_sessions(ref(model)) }} as days
where row_count > 0
{% if not loop.last %}union all{% endif %}
{% endfor %}
