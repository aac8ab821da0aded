-- The raw tables as the loader writes them, cut to what the models read.
create schema kraken_raw;

create table kraken_raw.trades (
    symbol varchar,
    trade_id bigint,
    idless_time_ns bigint,
    place bigint,
    after_trade_id bigint,
    time_ns bigint,
    traded_at timestamp,
    traded_on date,
    price decimal(38,12),
    volume decimal(38,12),
    side varchar,
    order_type varchar,
    misc varchar,
    _dlt_load_id varchar
);

create table kraken_raw.pages (
    symbol varchar,
    market_id varchar,
    since bigint,
    last bigint,
    trade_count bigint,
    new_trade_count bigint,
    first_trade_id bigint,
    last_trade_id bigint,
    first_time_ns bigint,
    last_time_ns bigint,
    covered_from_ns bigint,
    covered_to_ns bigint,
    is_full boolean,
    is_backfill boolean,
    next_since bigint,
    known_trade_id bigint,
    tail_time_ns bigint,
    tail_count bigint,
    missing_id_count bigint,
    asked_at timestamp,
    answered_at timestamp,
    exchange_at timestamp,
    _dlt_load_id varchar
);

create table kraken_raw.id_holes (
    symbol varchar,
    first_missing_id bigint,
    last_missing_id bigint,
    from_time_ns bigint,
    to_time_ns bigint,
    times_asked bigint,
    found_at timestamp,
    _dlt_load_id varchar
);

create table kraken_raw.rest_candles (
    symbol varchar,
    timeframe varchar,
    timeframe_seconds bigint,
    bucket_start timestamp,
    open decimal(38,12),
    high decimal(38,12),
    low decimal(38,12),
    close decimal(38,12),
    vwap decimal(38,12),
    base_volume decimal(38,12),
    trade_count bigint,
    fetched_at timestamp,
    _dlt_load_id varchar
);

create table kraken_raw.markets (
    symbol varchar,
    market_id varchar,
    altname varchar,
    wsname varchar,
    base varchar,
    quote varchar,
    price_decimals bigint,
    volume_decimals bigint,
    status varchar,
    fetched_at timestamp,
    _dlt_load_id varchar
);

create table kraken_raw._dlt_loads (
    load_id varchar,
    schema_name varchar,
    status bigint,
    inserted_at timestamp with time zone,
    schema_version_hash varchar
);
