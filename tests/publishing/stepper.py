"""A publish in a process of its own that is killed just before its Nth step.

`python -m tests.publishing.stepper WAREHOUSE N`; with N = 0 it runs to its end and prints its steps.
"""

import os
import signal
import sys
from pathlib import Path

from dlt_pipeline.publishing import publish  # imported before the steps are counted

STEPS = {"os.rename", "os.link", "os.mkdir", "os.rmdir", "os.remove", "open"}


def main(warehouse: str, last: int) -> None:
    folder = str(Path(warehouse).parent)
    steps: list[str] = []

    def count(event: str, arguments: tuple[object, ...]) -> None:
        if event not in STEPS or not str(arguments[0]).startswith(folder):
            return
        is_there = os.path.exists(str(arguments[0]))  # noqa: PTH110 - pathlib is what is being watched
        if (event == "os.remove" and not is_there) or (event == "open" and is_there):
            return  # changes nothing
        steps.append(f"{event} {str(arguments[0])[len(folder) :]}")
        if len(steps) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    publish(warehouse)
    print("\n".join(steps))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
