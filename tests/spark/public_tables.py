"""Which tables analysts read, as dbt's manifest says: whatever stands in schema kraken."""

import json
from pathlib import Path


def public_tables(target: Path) -> list[str]:
    """Names of the models and seeds that the project materializes in schema kraken, from dbt's target folder."""
    nodes = json.loads((target / "manifest.json").read_text())["nodes"].values()
    return sorted(
        node["alias"]
        for node in nodes
        if node["resource_type"] in {"model", "seed"}
        and node["schema"] == "kraken"
        and node["config"]["materialized"] != "ephemeral"
    )
