{# DECIMAL(38,24) / DECIMAL(38,12) cut (not rounded) to DECIMAL(38,12); NULL where the divisor is 0.
   A plain division of decimals answers with a DOUBLE on DuckDB and a rounded scale on Spark. #}
{% macro divide_cut(numerator, divisor) %}
    {{- return(adapter.dispatch('divide_cut', 'kraken_candles')(numerator, divisor)) -}}
{% endmacro %}

{# decimal_division (DuckDB 2) is exact but rounds half to even; where that went up, one step is taken off again.
   DuckDB 1, the newest for Python 3.10, lacks it: there it goes over text and HUGEINT, as units of 1e-24 and 1e-12,
   which gives the same and took 1.6 times as long for the whole of `candles` in a trial. #}
{% macro default__divide_cut(numerator, divisor) -%}
    {%- set query = "select count(*) from duckdb_functions() where function_name = 'decimal_division'" -%}
    {%- if execute and kraken_candles.asked_once(query)[0][0] == 0 -%}
    {%- set n = "cast(replace(cast(" ~ numerator ~ " as varchar), '.', '') as hugeint)" -%}
    {%- set d = "nullif(cast(replace(cast(" ~ divisor ~ " as varchar), '.', '') as hugeint), 0)" -%}
    cast(cast({{ n }} // {{ d }} as decimal(26, 0)) * cast(0.000000000001 as decimal(12, 12)) as decimal(38, 12))
    {%- else -%}
    {%- set rounded = "decimal_division(" ~ numerator ~ ", nullif(" ~ divisor ~ ", 0), 12)" -%}
    {{ rounded }} - case
        when {{ kraken_candles.multiply_exact(rounded, divisor) }} > {{ numerator }} then cast(0.000000000001 as decimal(12, 12))
        else cast(0 as decimal(12, 12))
    end
    {%- endif -%}
{%- endmacro %}

{# A quotient of decimals has 24 of them on Spark, so at most 14 digits before: whole units are divided apart, and the rest of them is less
   than one. Spark rounds that to 24 decimals and again to 12; where that went up, one step is taken off again. #}
{% macro spark__divide_cut(numerator, divisor) -%}
    {%- set whole = "cast(" ~ numerator ~ " div nullif(" ~ divisor ~ ", 0) as decimal(38, 12))" -%}
    {%- set rest = "(" ~ numerator ~ " - " ~ kraken_candles.multiply_exact(whole, divisor) ~ ")" -%}
    {%- set rounded = "cast(" ~ rest ~ " / nullif(" ~ divisor ~ ", 0) as decimal(38, 12))" -%}
    cast({{ whole }} + {{ rounded }} - case
        when {{ kraken_candles.multiply_exact(rounded, divisor) }} > {{ rest }} then cast(0.000000000001 as decimal(12, 12))
        else cast(0 as decimal(12, 12))
    end as decimal(38, 12))
{%- endmacro %}
