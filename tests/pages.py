"""README.md and all pages of docs/: their text and their fenced blocks."""

import re
from collections.abc import Iterator

from tests.conftest import ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
TEXT = "\n".join(page.read_text() for page in PAGES)


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def fenced(text: str = TEXT) -> Iterator[tuple[str, str]]:
    """Each block as its language and its lines."""
    yield from re.findall(r"^```(\w*)\n(.*?)^```$", text, re.S | re.M)


def blocks(language: str) -> list[str]:
    return [lines for of, lines in fenced() if of == language]
