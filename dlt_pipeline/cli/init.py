"""What `init` writes: a project of one's own around the commands, with dbt models on the candles."""

import shlex
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

from dlt_pipeline.cli.console import Console
from dlt_pipeline.common.exceptions import BadInputError

# As the files are called in the package, where a name with a dot would be left out of some copies.
_RENAMED: Final = {"gitignore": ".gitignore", "dlt": ".dlt"}


def run_init(console: Console, folder: Path, symbols: Sequence[str], start: date) -> None:
    """Write the project into the folder and say what to do with it; BadInputError, and nothing written, where it can't.

    A file that is there is never written over.
    """
    if not symbols:
        raise BadInputError("No symbol was named; --symbols BTC/USD,ETH/USD names two.")
    for symbol in symbols:
        base, _, quote = symbol.partition("/")
        if not base or not quote or any(character.isspace() or character in "#$\\'\"" for character in symbol):
            raise BadInputError(
                f"{symbol!r} is no symbol of ccxt's, such as BTC/USD; `kraken-candles symbols` lists them."
            )
    texts = {folder / path: text for path, text in _templates(Path(__file__).with_name("own_project"))}
    texts[folder / "candles.env"] = _chosen(texts[folder / "candles.env"], symbols, start)
    standing = [path for path in texts if path.exists() or path.is_symlink()]
    if standing:
        raise BadInputError(
            f"{standing[0]} is there already, and `init` writes over nothing; name an empty or a new folder: "
            "`kraken-candles init my-candles`."
        )
    written: list[Path] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            written.append(path)
            path.write_text(text)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise BadInputError(f"{folder} cannot be written to ({error.strerror}); name another folder.") from error
    here = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    console.print(f"Wrote {len(texts)} files into {folder.resolve()}:", markup=False)
    for name, what in _WHAT.items():
        console.print(f"  {name:<24} {what}", markup=False)
    console.print(f"Next: `{here}make demo` (offline), then `make load build`.", markup=False)


_WHAT: Final = {
    "candles.env": "which symbols from when on, and settings of the commands",
    ".dlt/config.toml": "how the loader asks Kraken",
    "Makefile": "load, build, follow, summary, demo",
    "dbt_project.yml": "your own dbt project",
    "profiles.yml": "the warehouse for it",
    "models/models.yml": "the candles as its source, and what is tested",
    "models/daily_ranges.sql": "an example of a model",
}


def _templates(folder: Path) -> list[tuple[Path, str]]:
    found = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        parts = (_RENAMED.get(part, part) for part in file.relative_to(folder).parts)
        found.append((Path(*parts), file.read_text(encoding="utf-8")))
    return found


def _chosen(text: str, symbols: Sequence[str], start: date) -> str:
    ours = {"SYMBOLS": " ".join(symbols), "START": start.isoformat()}
    lines = (line.partition("=") for line in text.splitlines())
    return "".join(
        f"{name}={ours[name]}\n" if name in ours else f"{name}{equal}{value}\n" for name, equal, value in lines
    )
