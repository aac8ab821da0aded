{# Before a build: refuses a variable that looks like one of ours and is none, which dbt would leave unread, and names the nearest. It may
   stand in --vars or in the vars of any project's dbt_project.yml, under kraken_candles or for all packages. #}
{% macro refuse_unknown_variables() %}
    {%- if execute -%}
    {%- set known = [] -%}
    {%- set given = (invocation_args_dict.get('vars') or {}).keys() | list -%}
    {%- for project in var.packages_for_node() -%}
        {%- set variables = project.vars.to_dict() -%}
        {%- set ours = (variables.get('kraken_candles') or {}).keys() -%}
        {%- do (known if project.project_name == 'kraken_candles' else given).extend(ours) -%}
        {%- do given.extend(variables.keys()) -%}
    {%- endfor -%}
    {%- for name in given if name not in known and name != 'kraken_candles' -%}
        {%- set near = namespace(name=none, likeness=0) -%}
        {%- for other in known -%}
            {%- set likeness = kraken_candles.likeness(name, other) | float -%}
            {%- if likeness > near.likeness -%}{%- set near.name = other -%}{%- set near.likeness = likeness -%}{%- endif -%}
        {%- endfor -%}
        {%- if near.likeness >= 0.9 or name.startswith('kraken_candles_') -%}
        {{- exceptions.raise_compiler_error('The variable ' ~ name ~ ' is unknown; the nearest known one is ' ~ near.name ~ '.') -}}
        {%- endif -%}
    {%- endfor -%}
    {%- endif -%}
{% endmacro %}

{# How alike two names are, from 0 to 1: the part of their pairs of neighbouring letters that both have. #}
{% macro likeness(one, other) %}
    {%- set pairs = [] -%}
    {%- for name in (one, other) -%}
        {%- set found = [] -%}
        {%- for place in range(name | length - 1) -%}{%- do found.append(name[place:place + 2]) -%}{%- endfor -%}
        {%- do pairs.append(set(found)) -%}
    {%- endfor -%}
    {{- return(2 * (pairs[0].intersection(pairs[1]) | length) / ([(pairs[0] | length) + (pairs[1] | length), 1] | max)) -}}
{% endmacro %}
