"""The site of docs/: built strictly, whole without a network, and its search holds every page."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from tests.conftest import ROOT
from tests.pages import PAGES


def test_the_site_is_built_without_a_warning_and_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    site = tmp_path / "site"
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-c", "docs", ".", str(site)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    index = (site / "searchindex.js").read_text()
    for file in PAGES:
        name = file.relative_to(ROOT).with_suffix("")
        assert f'"{name}"' in index
        html = (site / f"{name}.html").read_text()
        fetched = re.findall(r"<(?:script|img|link|iframe)[^>]*(?:src|href)=\"((?:https?:)?//[^\"]*)", html)
        assert not fetched, name
        assert "mermaid" not in html or name.name in {"dependencies", "CHANGELOG"}, name
    for style in site.rglob("*.css"):
        assert not re.findall(r"@import|url\([\"']?(?:https?:)?//", style.read_text()), style
    assert "README.html" in (site / "index.html").read_text()
    assert 'alt="' in (site / "docs" / "how-it-works.html").read_text()


def test_the_picture_says_in_words_what_it_shows() -> None:
    picture = ElementTree.parse(ROOT / "docs" / "how-it-works.svg").getroot()
    named = picture.attrib["aria-labelledby"].split()
    texts = {part.get("id"): part.text for part in picture.iter() if part.get("id") in named}
    assert all(texts[name] for name in named)
    assert "prefers-color-scheme: dark" in "".join(picture.itertext())
