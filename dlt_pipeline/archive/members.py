"""TEMPORARY thin version until reading is merged."""

import io, re, zipfile, zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Problem:
    archive: Path
    name: str
    reason: str


@dataclass(frozen=True)
class Member:
    archive: Path
    name: str
    size_bytes: int
    crc32: int
    altname: str | None
    minutes: int | None

    def open(self) -> Any:
        if zipfile.is_zipfile(self.archive):
            return zipfile.ZipFile(self.archive).open(self.name)
        return open(self.archive, "rb")


def _member(archive, name, size, crc):
    m = re.fullmatch(r"([A-Za-z0-9.]+?)(?:_(\d+))?\.csv", name.rpartition("/")[2])
    return Member(archive, name, size, crc, m and m[1], int(m[2]) if m and m[2] else None)


def find_members(paths, settings, password=None):
    found = []
    for p in paths:
        for f in sorted(p.rglob("*")) if p.is_dir() else [p]:
            if not f.is_file():
                continue
            if f.suffix == ".zip":
                try:
                    with zipfile.ZipFile(f) as z:
                        found += [_member(f, i.filename, i.file_size, i.CRC) for i in z.infolist() if not i.is_dir()]
                except zipfile.BadZipFile as e:
                    found.append(Problem(f, "", f"{f} is broken: {e}"))
            else:
                b = f.read_bytes()
                found.append(_member(f, f.name, len(b), zlib.crc32(b)))
    return found
