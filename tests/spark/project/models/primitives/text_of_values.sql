with

spelled as (
    {% for type in ['decimal(38, 12)', 'decimal(38, 24)', 'decimal(38, 0)'] %}
    {% for value in ['0', '-0.5', '0.000000000001', 'null'] %}
    select '{{ type }} {{ value }}' as what, {{ text_of('cast(' ~ value ~ ' as ' ~ type ~ ')') }} as spelling
    union all
    {% endfor %}
    {% endfor %}
    {% for value in ['12345678901234567890123456.123456789012', '-99999999999999999999999999.999999999999'] %}
    select 'decimal(38, 12) {{ value }}' as what, {{ text_of('cast(' ~ value ~ ' as decimal(38, 12))') }} as spelling
    union all
    {% endfor %}
    {% for value in ['-0.5', '999999.999999999999', '1000000', '-1000000', 'null'] %}
    select 'of_decimal {{ value }}' as what, {{ text_of_decimal('cast(' ~ value ~ ' as decimal(38, 12))') }} as spelling
    union all
    {% endfor %}
    {% for value in ['0', '-9223372036854775807', '9223372036854775807', 'null'] %}
    select 'bigint {{ value }}' as what, {{ text_of('cast(' ~ value ~ ' as bigint)') }} as spelling
    union all
    {% endfor %}
    {% for value in ['true', 'false', 'null'] %}
    select 'boolean {{ value }}' as what, {{ text_of('cast(' ~ value ~ ' as boolean)') }} as spelling
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select what, spelling, md5(spelling) as digest
from spelled
