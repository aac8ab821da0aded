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
    asset_class varchar,
    price_decimals bigint,
    volume_decimals bigint,
    status varchar,
    fetched_at timestamp,
    _dlt_load_id varchar
);

create table kraken_raw.market_statuses (
    symbol varchar,
    asset_class varchar,
    status varchar,
    seen_at timestamp,
    previous_seen_at timestamp,
    _dlt_load_id varchar
);

create table kraken_raw._dlt_loads (
    load_id varchar,
    schema_name varchar,
    status bigint,
    inserted_at timestamp with time zone,
    schema_version_hash varchar
);

create table kraken_raw.archive_trades (
    symbol varchar,
    edition_id bigint,
    part_id bigint,
    row_number bigint,
    time_ns bigint,
    traded_on date,
    price decimal(38,12),
    volume decimal(38,12)
);

create table kraken_raw.archive_candles (
    symbol varchar,
    edition_id bigint,
    part_id bigint,
    row_number bigint,
    timeframe varchar,
    timeframe_seconds bigint,
    bucket_start timestamp,
    open decimal(38,12),
    high decimal(38,12),
    low decimal(38,12),
    close decimal(38,12),
    base_volume decimal(38,12),
    trade_count bigint,
    base_volume_text varchar
);

create table kraken_raw.archive_parts (
    edition_id bigint,
    part_id bigint,
    symbol varchar,
    format varchar,
    timeframe varchar,
    first_row bigint,
    last_row bigint,
    row_count bigint,
    idless_count bigint,
    base_volume decimal(38,12),
    first_time_ns bigint,
    last_time_ns bigint,
    first_trade_id bigint,
    last_trade_id bigint,
    covered_from_ns bigint,
    covered_to_ns bigint,
    next_row bigint,
    next_byte bigint,
    taken_at timestamp,
    _dlt_load_id varchar
);

create table kraken_raw.archive_files (
    edition_id bigint,
    symbol varchar,
    altname varchar,
    format varchar,
    timeframe varchar,
    archive varchar,
    member varchar,
    size_bytes bigint,
    crc32 bigint,
    content_hash varchar,
    row_count bigint,
    refused_count bigint,
    left_out_count bigint,
    base_volume decimal(38,12),
    first_time_ns bigint,
    last_time_ns bigint,
    wanted_from_ns bigint,
    wanted_to_ns bigint,
    covered_from_ns bigint,
    covered_to_ns bigint,
    is_ascending boolean,
    is_whole_days boolean,
    imported_at timestamp,
    _dlt_load_id varchar
);

create table kraken_raw.archive_refused_rows (
    edition_id bigint,
    symbol varchar,
    archive varchar,
    member varchar,
    row_number bigint,
    line_number bigint,
    reason varchar,
    line varchar,
    refused_at timestamp,
    _dlt_load_id varchar
);
