{# A variable that must be a number from 0, as it goes into SQL. #}
{% macro checked_number(name) %}
    {%- set value = var(name) -%}
    {%- if value is not number or value is boolean or not value >= 0 -%}
        {{ exceptions.raise_compiler_error('The variable ' ~ name ~ ' is ' ~ value ~ '; it must be a number from 0.') }}
    {%- endif -%}
    {{- return(value) -}}
{% endmacro %}
