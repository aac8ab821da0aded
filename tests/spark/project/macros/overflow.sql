{# Run a SELECT whose product, sum or sum over a window has more than 38 digits. #}
{% macro overflow(of) %}
    {%- set amount = "cast(99999999999999 as decimal(38, " ~ (12 if of == 'product' else 24) ~ "))" -%}
    {%- set computed = multiply_exact('amount', 'amount') if of == 'product' else sum_exact('amount', '()' if of == 'window' else none) -%}
    {%- set amounts = "select " ~ amount ~ " as amount union all select " ~ amount ~ " as amount" -%}
    {%- do run_query("select " ~ computed ~ " as computed from (" ~ amounts ~ ") as amounts") -%}
{% endmacro %}
