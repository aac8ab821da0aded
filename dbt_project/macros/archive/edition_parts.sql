{# The body of a CTE: the parts of the files of one format that count, with what is known of each file. A file's last part ends where the
   file does: where it reaches to is known only when the whole file is read. #}
{% macro edition_parts(format) -%}
    select
        parts.*,
        editions.import_number,
        editions.is_ascending,
        editions.refused_count,
        case
            when parts.last_row = max(parts.last_row) over (partition by parts.edition_id) then editions.covered_to_ns
            else parts.covered_to_ns
        end as ends_at_ns
    from {{ ref('stg_archive_parts') }} as parts
    inner join {{ ref('archive_editions') }} as editions on parts.edition_id = editions.edition_id
    where parts.format = '{{ format }}'
{%- endmacro %}
