{# Before a build: refuses to make candles of somebody else's tables. dbt lets a model or source of the installing project stand in for
   one of the same name here, unless a flag says otherwise. One that is disabled here may be replaced so. #}
{% macro refuse_foreign_models() %}
    {%- if execute -%}
    {%- for node in (graph.nodes.values() | list) if node.package_name == 'kraken_candles' -%}
        {%- for foreign in node.depends_on.nodes if foreign.split('.')[1] != 'kraken_candles' -%}
            {%- set own = foreign.split('.')[0] ~ '.kraken_candles.' ~ foreign.split('.')[2:] | join('.') -%}
            {%- if own in graph.nodes or own in graph.sources -%}
            {{- exceptions.raise_compiler_error(
                'The name ' ~ foreign.split('.')[-1] ~ ' stands both in ' ~ foreign.split('.')[1] ~ ' and in kraken_candles, and dbt takes the former for '
                ~ 'both. Set under flags in dbt_project.yml: require_ref_searches_node_package_before_root: true.'
            ) -}}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- endif -%}
{% endmacro %}
