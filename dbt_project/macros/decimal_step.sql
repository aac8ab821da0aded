{# 10 to the power of -decimals, exact, for 0 to 12 decimals; NULL otherwise. A power function would answer with a float. #}
{% macro decimal_step(decimals) -%}
    case {{ decimals }}
        {%- for n in range(13) %}
        when {{ n }} then cast({{ '1' if n == 0 else '0.' ~ '0' * (n - 1) ~ '1' }} as decimal(38, 12))
        {%- endfor %}
    end
{%- endmacro %}
