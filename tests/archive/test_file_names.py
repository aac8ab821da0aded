"""Market and length of candles, by the path alone."""

import pytest

from dlt_pipeline.archive.files import called


@pytest.mark.parametrize(
    ("path", "altname", "minutes"),
    [
        ("XBTUSD.csv", "XBTUSD", None),
        ("TimeAndSales_Combined/1INCHEUR.csv", "1INCHEUR", None),
        ("ETH2.SEUR.CSV", "ETH2.SEUR", None),
        ("xbtusd.csv", "XBTUSD", None),
        ("XBTUSD_60.csv", "XBTUSD", 60),
        ("1INCHEUR_1440.csv", "1INCHEUR", 1440),
        ("XBTUSD-2024-01.csv", "XBTUSD", None),
        ("XBTUSD (1).csv", "XBTUSD", None),  # as browsers call a second download
        ("XBTUSD(12).csv", "XBTUSD", None),
        ("XBTUSD_60 (2).csv", "XBTUSD", 60),
        ("XBTUSD-2024-01 (1).csv", "XBTUSD", None),
        ("bcheur/2023-01-01 (1).csv", "BCHEUR", None),
        ("XBTUSD.csv.gz", "XBTUSD", None),
        ("XBTUSD_60.CSV.zst", "XBTUSD", 60),
        ("XBTUSD_Q1_2024.csv", "XBTUSD", None),
        ("bcheur/2023-01-01.csv", "BCHEUR", None),
        ("bcheur/2023_Q1.csv", "BCHEUR", None),
        ("XBTUSD_7.csv", None, None),
        ("downloads/XBTUSD_7.csv", None, None),  # the folder's name is none of a market where the file has one
        ("downloads/my trades (1).csv", None, None),
        ("XBTUSD_" + "9" * 5000 + ".csv", None, None),
        ("2023-01-01.csv", None, None),
        ("a/2023-01-01.csv", None, None),
        (".csv", None, None),
        ("é.csv", None, None),
    ],
)
def test_altname_and_minutes(path: str, altname: str | None, minutes: int | None) -> None:
    assert called(path.split("/")) == (altname, minutes)
