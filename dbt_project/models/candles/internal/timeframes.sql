{% for timeframe in timeframe_plan() %}
select
    cast('{{ timeframe.name }}' as {{ dbt.type_string() }}) as timeframe,
    cast({{ timeframe.size_ns }} as bigint) as size_ns,
    cast({{ timeframe.offset_ns }} as bigint) as offset_ns,
    {{ timeframe.spans_days }} as spans_days,
    cast('{{ timeframe.base }}' as {{ dbt.type_string() }}) as base_timeframe
{% if not loop.last %}union all{% endif %}
{% endfor %}
