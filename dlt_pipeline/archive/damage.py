"""What the standard library raises where a ZIP or a file cannot be read as it was written."""

import struct
import zipfile
import zlib
from typing import Final

# A RuntimeError is a wrong password, or (NotImplementedError) a feature of ZIP that is not known; a ValueError is a
# name or a place in the directory that cannot be one.
UNREADABLE: Final = (zlib.error, zipfile.BadZipFile, struct.error, EOFError, OSError, RuntimeError, ValueError)


def told(error: BaseException) -> str:
    """Return what an error says, in a few words and without the path that the sentence around it has already."""
    return str(getattr(error, "strerror", None) or error or type(error).__name__).rstrip(".")
