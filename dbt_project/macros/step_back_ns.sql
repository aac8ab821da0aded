{# By so much may the stamps of neighbouring trades stand in the wrong order: the loader's STEP_BACK_LIMIT_NS, in ns. #}
{% macro step_back_ns() %}{{- return(1000000) -}}{% endmacro %}
