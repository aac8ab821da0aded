"""A writer in a process of its own: builds and publishes again and again, each time with other volumes.

`python -m tests.publishing.writer WAREHOUSE ROUNDS` prints a line before each publish and one at the end.
"""

import sys
from pathlib import Path

from dlt_pipeline import publish
from tests.publishing.made import Made


def main(warehouse: str, rounds: str) -> None:
    made = Made(Path(warehouse))
    for number in range(int(rounds)):
        symbol = ("BTC/USD", "ETH/USD")[number % 2]
        which = f"symbol = '{symbol}'" if number % 3 else "true"
        made.build(f"update made.minutes set volume = volume + 1 where {which}")
        print("publishing", flush=True)
        publish(made.path)
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
