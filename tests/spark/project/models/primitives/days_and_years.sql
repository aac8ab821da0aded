with

spans as (
    {% for from_day, to_day in [
        ('2023-12-30', '2024-01-02'), ('2024-02-28', '2024-03-01'), ('2024-05-05', '2024-05-05'), ('2024-06-07', '2024-06-06')
    ] %}
    select cast('{{ from_day }}' as date) as from_day, cast('{{ to_day }}' as date) as to_day
    union all
    {% endfor %}
    select cast('2024-07-01' as date) as from_day, cast(null as date) as to_day
),

days as (
    select from_day, {{ days_between('from_day', 'to_day') }} as day
    from spans
)

select
    from_day,
    day,
    {{ year_of('cast(day as timestamp)') }} as year,
    {{ year_of(timestamp_from_ns('1704067199999999999')) }} as year_of_the_last_instant
from days
