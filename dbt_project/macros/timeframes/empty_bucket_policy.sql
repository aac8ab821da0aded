{# The empty_bucket_policy of a row, as SQL text over its columns symbol and timeframe: a literal, or a CASE where
   kraken_candles_empty_bucket_overrides has entries. The most specific entry counts: symbol and timeframe, then symbol, then timeframe. #}
{% macro empty_bucket_policy(symbol='symbol', timeframe='timeframe') %}
    {%- set policy = kraken_candles.checked_policy(var('kraken_candles_empty_bucket_policy'), 'kraken_candles_empty_bucket_policy') -%}
    {%- set overrides = kraken_candles.policy_overrides() -%}
    {%- if not overrides -%}
        {{- return("'" ~ policy ~ "'") -}}
    {%- endif -%}
    {%- set branches = [] -%}
    {%- for override in overrides -%}
        {%- set conditions = [] -%}
        {%- if override.symbol -%}{%- do conditions.append(symbol ~ " = '" ~ override.symbol ~ "'") -%}{%- endif -%}
        {%- if override.timeframe -%}{%- do conditions.append(timeframe ~ " = '" ~ override.timeframe ~ "'") -%}{%- endif -%}
        {%- do branches.append('when ' ~ conditions | join(' and ') ~ " then '" ~ override.policy ~ "'") -%}
    {%- endfor -%}
    {{- return('case ' ~ branches | join(' ') ~ " else '" ~ policy ~ "' end") -}}
{% endmacro %}

{# The entries of kraken_candles_empty_bucket_overrides, checked, the most specific first. #}
{% macro policy_overrides() %}
    {%- set name = 'kraken_candles_empty_bucket_overrides' -%}
    {%- set given = var(name) or [] -%}
    {%- set known = kraken_candles.timeframe_plan() | map(attribute='name') | list -%}
    {%- set ranked = [[], [], []] -%}
    {%- set seen = [] -%}
    {%- if given is string or given is mapping or given is not iterable -%}
        {{ exceptions.raise_compiler_error('The variable ' ~ name ~ ' is ' ~ given ~ '; it must be a list of {symbol, timeframe, policy}.') }}
    {%- endif -%}
    {%- for entry in given -%}
        {%- if entry is not mapping or entry.keys() | reject('in', ['symbol', 'timeframe', 'policy']) | list
            or not (entry.symbol or entry.timeframe)
            or (entry.symbol and (entry.symbol is not string or not modules.re.fullmatch("[^'\\\\]+", entry.symbol))) -%}
            {{ exceptions.raise_compiler_error('The variable ' ~ name ~ ' has the entry ' ~ entry ~ '; each needs policy and a symbol, a timeframe or both.') }}
        {%- elif entry.timeframe and entry.timeframe not in known -%}
            {{ exceptions.raise_compiler_error('The variable ' ~ name ~ ' has the timeframe ' ~ entry.timeframe ~ '; known are ' ~ known | join(', ') ~ '.') }}
        {%- elif (entry.symbol, entry.timeframe) in seen -%}
            {{ exceptions.raise_compiler_error('The variable ' ~ name ~ ' has two entries for the same symbol and timeframe: ' ~ entry ~ '; one of them must go.') }}
        {%- endif -%}
        {%- do seen.append((entry.symbol, entry.timeframe)) -%}
        {%- set rank = 0 if entry.symbol and entry.timeframe else 1 if entry.symbol else 2 -%}
        {%- do ranked[rank].append({'symbol': entry.symbol, 'timeframe': entry.timeframe,
            'policy': kraken_candles.checked_policy(entry.policy, name)}) -%}
    {%- endfor -%}
    {{- return(ranked[0] + ranked[1] + ranked[2]) -}}
{% endmacro %}

{# A policy as a word. YAML reads null without quotes as nothing, which means the same here. #}
{% macro checked_policy(policy, name) %}
    {%- set word = 'null' if policy is none else policy | string -%}
    {%- if word not in ['null', 'carry_forward', 'omit'] -%}
        {{ exceptions.raise_compiler_error('The variable ' ~ name ~ " has the policy '" ~ word ~ "'; allowed are null, carry_forward and omit.") }}
    {%- endif -%}
    {{- return(word) -}}
{% endmacro %}
