import json

import pytest

from dlt_pipeline.exchange import RecordingError
from dlt_pipeline.exchange.market import short_code, split_key


@pytest.mark.parametrize(
    ("key", "base", "quote"),
    [
        ("XXBTZUSD", "XXBT", "ZUSD"),
        ("XETHXXBT", "XETH", "XXBT"),
        ("USDTZUSD", "USDT", "ZUSD"),
        ("XBTUSDT", "XXBT", "USDT"),
        ("GRTETH", "GRT", "XETH"),
        ("XTZUSD", "XTZ", "ZUSD"),  # not XT in ZUSD
        ("MINAGBP", "MINA", "ZGBP"),
        ("ADAUSDC", "ADA", "USDC"),
    ],
)
def test_a_key_falls_into_base_and_quote(key, base, quote):
    assert split_key(key) == (base, quote)


def test_a_name_without_a_known_quote_says_the_way_out():
    with pytest.raises(RecordingError, match=r"ABCDEF: no known quote .* put an asset_pairs\.json"):
        split_key("ABCDEF")


def test_every_recorded_pair_is_read_right(recorded_folder):
    listings = json.loads((recorded_folder / "markets" / "asset_pairs.json").read_text())["result"]
    public = {key: listing for key, listing in listings.items() if not key.endswith(".d")}  # .d: dark pools, closed
    assert len(public) > 300
    for key, listing in public.items():
        assert split_key(key) == (listing["base"], listing["quote"])
        assert f"{short_code(listing['base'])}/{short_code(listing['quote'])}" == listing["wsname"]
