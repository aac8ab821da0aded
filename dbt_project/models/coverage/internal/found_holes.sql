with

found as (
    {% for model, is_recorded in [('stg_id_holes', 1), ('page_seams', 0)] %}
    select
        symbol,
        first_missing_id,
        last_missing_id,
        from_time_ns,
        to_time_ns,
        {{ is_recorded }} as is_recorded
    from {{ ref(model) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    symbol,
    first_missing_id,
    last_missing_id,
    min(from_time_ns) as from_time_ns,
    max(to_time_ns) as to_time_ns,
    max(is_recorded) = 1 as is_recorded
from found
group by symbol, first_missing_id, last_missing_id
