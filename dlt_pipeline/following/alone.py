"""One follow a warehouse."""

from contextlib import AbstractContextManager
from pathlib import Path

from dlt_pipeline.warehouse.locks import held_alone, lock_folder, warehouse_key


def only_follow(path: Path) -> AbstractContextManager[None]:
    """Be the only one that follows into the warehouse at `path`; WarehouseLockedError if another process does.

    Loads and builds of other commands find their place between the rounds.
    """
    place = lock_folder() / f"follow-{warehouse_key(path)}"
    return held_alone(place, "follow", f"it keeps {path} up to date: stop it and name all symbols in one command")
