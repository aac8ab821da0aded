{# Macros of the same names as the package's. None of them may be taken for it. #}
{% macro bucket_start() %}
    {{ exceptions.raise_compiler_error("the package took this team's bucket_start for its own") }}
{% endmacro %}

{% macro pending_days() %}
    {{ exceptions.raise_compiler_error("the package took this team's pending_days for its own") }}
{% endmacro %}
