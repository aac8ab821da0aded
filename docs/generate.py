"""Writes tables.md, commands.md and the end of settings.md from the code; `--check` only says whether they are fresh.

Tables come from the descriptions of dbt's public models, commands from their own help, settings from the text of the
classes with `@configspec`, wherever these stand.
"""

import ast
import inspect
import re
import sys
from pathlib import Path
from typing import Any

import typer
import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))
from dlt_pipeline.cli import commands as _registered  # noqa: F401 - it fills the application
from dlt_pipeline.cli.app import app

DOCS = Path(__file__).parent
MODELS = DOCS.parent / "dbt_project" / "models"
# Read by the commands alone, though its columns are a promise to them.
NOT_QUERIED = {"export_partitions"}
HEAD = """# Tables

<!-- Made by `make docs` from dbt_project/models; change the descriptions there. -->

All public tables lie in schema `kraken`. Those to begin with stand in the [README](../README.md).
"""

COMMANDS = """# Commands

<!-- Made by `make docs` from dlt_pipeline/cli; change the texts there. -->

What `kraken-candles --help` and each command's own `--help` say. `--install-completion` completes it in your shell.
"""

MARK = "<!-- From here on made by `make docs` from the classes of settings; change the comments there. -->\n"


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


def commands() -> str:
    """The page: a section a command, with what it does, its options and examples."""
    root = typer.main.get_command(app)
    parts = [f"{COMMANDS}\n{one_line(root.epilog.partition('. ')[0])}.\n"]
    listed = [
        (name if not hasattr(command, "commands") else f"{name} {inner}", each)
        for name, command in root.commands.items()
        for inner, each in getattr(command, "commands", {"": command}).items()
    ]
    for name, command in listed:
        values = [each for each in command.params if each.param_type_name == "argument"]
        usage = " ".join(["kraken-candles", name, *(each.metavar or each.name.upper() for each in values)])
        parts.append(f"## `{usage}`\n\n{one_line(inspect.cleandoc(command.help))}\n")
        rows = [
            f"| `{'`, `'.join([*each.opts, *each.secondary_opts])}` | {_default(each)} | {one_line(each.help or '')} |"
            for each in command.params
            if each not in values and each.name != "help"
        ]
        rows = [f"| `{each.metavar or each.name.upper()}` | | {one_line(each.help or '')} |" for each in values] + rows
        if rows:
            parts.append("\n".join(["| option | default | meaning |", "|---|---|---|", *rows]) + "\n")
        _, *examples = (command.epilog or "").split("\n\n")
        if examples:
            parts.append("\n".join(["```sh", *examples, "```"]) + "\n")
    return "\n".join(parts)


def _default(option: Any) -> str:
    if option.required:
        return "needed"
    shown = option.default
    return "" if shown is None or isinstance(shown, bool) or shown == () else f"`{shown}`"


def setting_classes() -> list[tuple[str, str]]:
    """Each class of settings as its dlt section and its table, by section and name."""
    found = []
    for path in (DOCS.parent / "dlt_pipeline").rglob("*.py"):
        text = path.read_text()
        if "@configspec" not in text:
            continue
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and any(
                ast.unparse(name) == "configspec" for name in node.decorator_list
            ):
                section = re.search(r"\[(sources\.[\w.]+)\]", ast.get_docstring(node) or "")
                if not section:
                    raise SystemExit(
                        f"The docstring of {node.name} in {path} does not name its section, as [sources.kraken]."
                    )
                found.append((section[1], node.name, setting_rows(node, text.splitlines())))
    return [(section, rows) for section, _, rows in sorted(found)]


def setting_rows(node: ast.ClassDef, lines: list[str]) -> str:
    """A row a setting: its name, its default, and the comment above it."""
    rows = []
    for field in node.body:
        if isinstance(field, ast.AnnAssign) and field.value:
            first = field.lineno - 1
            while lines[first - 1].strip().startswith("#"):
                first -= 1
            why = " ".join(line.strip().removeprefix("# ") for line in lines[first : field.lineno - 1])
            default = lines[field.lineno - 1].split(" = ", 1)[1]
            rows.append(f"| `{ast.unparse(field.target)}` | `{default}` | {one_line(why)} |")
    return "\n".join(rows)


def settings(page: str) -> str:
    """The page with what follows its mark made anew."""
    by_hand = page.split(MARK, maxsplit=1)[0]
    parts = [by_hand + MARK]
    for section, rows in setting_classes():
        environment = section.upper().replace(".", "__")
        parts.append(f"`[{section}]` in dlt's `config.toml`, or `{environment}__<NAME>` in the environment:\n")
        parts.append(f"| name | default | why |\n|---|---|---|\n{rows}\n")
    return "\n".join(parts)


def main() -> int:
    """Write the pages, or with `--check` return 1 where one is not what would be written."""
    code = 0
    pages = {"tables.md": lambda _: tables(), "commands.md": lambda _: commands(), "settings.md": settings}
    for name, make in pages.items():
        page = DOCS / name
        text = make(page.read_text() if page.exists() else "")
        if "--check" not in sys.argv:
            page.write_text(text)
        elif not page.exists() or page.read_text() != text:
            sys.stderr.write(f"docs/{name} is not what the code says: run `make docs`.\n")
            code = 1
    return code


if __name__ == "__main__":
    raise SystemExit(main())
