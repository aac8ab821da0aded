"""Writes tables.md from the descriptions of dbt's public models; `--check` only says whether it is fresh."""

import sys
from pathlib import Path
from typing import Any

import yaml

DOCS = Path(__file__).parent
MODELS = DOCS.parent / "dbt_project" / "models"
# Read by the commands alone, though its columns are a promise to them.
NOT_QUERIED = {"export_partitions"}
HEAD = """# Tables

<!-- Made by `make docs` from dbt_project/models; change the descriptions there. -->

All public tables lie in schema `kraken`. Those to begin with stand in the [README](../README.md).
"""


def public_models() -> list[dict[str, Any]]:
    """Those whose columns are a contract, by name."""
    models = [
        model
        for path in MODELS.rglob("*.yml")
        for model in yaml.safe_load(path.read_text()).get("models") or []
        if model.get("config", {}).get("contract", {}).get("enforced") and model["name"] not in NOT_QUERIED
    ]
    return sorted(models, key=lambda model: model["name"])


def one_line(text: object) -> str:
    """A description as a cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def tables() -> str:
    """The page: a section a table, with its grain and its columns."""
    parts = [HEAD]
    for model in public_models():
        parts.append(f"## `kraken.{model['name']}`\n\n{one_line(model['description'])}\n")
        rows = [
            f"| `{column['name']}` | {column.get('data_type', '')} | {one_line(column.get('description', ''))} |"
            for column in model["columns"]
        ]
        parts.append("\n".join(["| column | type | meaning |", "|---|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def main() -> int:
    """Write the page, or with `--check` return 1 where it is not what would be written."""
    page, text = DOCS / "tables.md", tables()
    if "--check" not in sys.argv:
        page.write_text(text)
    elif page.read_text() != text:
        sys.stderr.write("docs/tables.md is not what the dbt project says: run `make docs`.\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
