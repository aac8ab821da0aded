"""The site of these pages: `make site` builds it with Sphinx into site/, from the Markdown as it lies here.

The pages are plain Markdown, with nothing of Sphinx in them. Their order is that of the lists in docs/README.md, and a
page that stands in none fails the build, as does a link that leads nowhere.
"""

import re
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

project = "kraken-candles"
copyright = "the kraken-candles developers"  # noqa: A001 - Sphinx calls it so
extensions = ["myst_parser"]
# From the top of the checkout, so that links between the README, the pages and the benchmarks are those of the files.
include_patterns = ["README.md", "CHANGELOG.md", "bench/README.md", "docs/**.md"]
exclude_patterns = [".*", "site", "tests", "dist", "exports", "dlt_pipeline", "dbt_project", "logs", "target"]
root_doc = "docs/README"
language = "en"
html_theme = "furo"
html_title = "kraken-candles"
html_show_sourcelink = False
html_copy_source = False
html_use_index = False
html_show_copyright = False
myst_heading_anchors = 3
# A model of dbt is SQL with Jinja in it.
suppress_warnings = ["misc.highlighting_failure"]
# Blocks of cron are no language of Pygments.
PLAIN = ("cron",)
PICTURE = "docs/how-it-works.svg"


def ordered(_app: Sphinx, name: str, source: list[str]) -> None:
    """Give a page of lists, each called README, the order that its lists say, a heading over each."""
    if not (name.endswith("/README") and name.startswith("docs/")):
        return
    sections = re.split(r"^## (.*)$", source[0], flags=re.MULTILINE)
    for heading, text in zip(["", *sections[1::2]], sections[::2], strict=True):
        entries = [f"{title} <{link}>" for title, link in re.findall(r"^- \[(.*?)\]\((.*?\.md)\)", text, re.MULTILINE)]
        if entries:
            caption = f":caption: {heading}\n" if heading else ""
            source[0] += "\n```{toctree}\n:hidden:\n" + caption + "\n" + "\n".join(entries) + "\n```\n"


def drawn(_app: Sphinx, name: str, source: list[str]) -> None:
    """Put the picture in the place of diagrams that GitHub draws and a page without scripts from elsewhere cannot."""
    up = "../" * name.count("/")
    source[0] = re.sub(
        r"^```mermaid\n.*?^```$", f"![How it works]({up}{PICTURE})", source[0], flags=re.DOTALL | re.MULTILINE
    )


def begun(app: Sphinx, error: Exception | None) -> None:
    """Let the folder, opened as one, show the README."""
    if not error:
        Path(app.outdir, "index.html").write_text(
            '<!doctype html><meta http-equiv="refresh" content="0; url=README.html">\n'
        )


def setup(app: Sphinx) -> None:
    """Register what is ours."""
    for language_name in PLAIN:
        app.add_lexer(language_name, TextLexer)
    app.connect("source-read", ordered)
    app.connect("source-read", drawn)
    app.connect("build-finished", begun)
