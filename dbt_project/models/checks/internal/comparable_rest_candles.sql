{{ config(materialized='ephemeral') }}

-- Kraken's candles of a length that we do not make, or that we count from another moment, have nothing to be compared with, nor
-- have those of buckets of ours that cannot be made any more.
select
    rest.timeframe,
    rest.symbol,
    rest.bucket_on,
    rest.bucket_start_ns,
    {% for field in compared_fields() %}
    rest.{{ field }},
    {% endfor %}
    rest.is_newest,
    rest.first_fetched_at
from {{ ref('rest_versions') }} as rest
{{ joined_for_comparing('rest') }}
where absent.symbol is null
