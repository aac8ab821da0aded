with

factors as (
    select
        cast(price as decimal(38, 12)) as price,
        cast(volume as decimal(38, 12)) as volume
    from {{ ref('factors') }}
)

select
    price,
    volume,
    {{ multiply_exact('price', 'volume') }} as product,
    {{ divide_cut(multiply_exact('price', 'volume'), 'volume') }} as quotient
from factors
