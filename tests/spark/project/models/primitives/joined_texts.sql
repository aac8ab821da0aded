-- Nine orders at random, so that neither the order of arrival nor that of the texts is the right one.
with

texts as (
    {% for team, place, text in [
        ('a', 9, 'x'), ('a', -3, 'z'), ('a', 10, ''), ('a', 2, 'yy'), ('b', 1, none), ('b', 2, 'only'), ('c', 1, none),
        ('d', 9007199254740993, 'second'), ('d', 9007199254740992, 'first')
    ] %}
    select
        '{{ team }}' as team,
        cast({{ place }} as bigint) as place,
        cast({{ 'null' if text is none else "'" ~ text ~ "'" }} as string) as text
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select team, {{ joined_in_order('text', 'place') }} as joined
from texts
group by team
