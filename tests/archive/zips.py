"""ZIPs as they should not be: encrypted by ZipCrypto, packed by methods of other programs, with names that lead out."""

import struct
import zipfile
import zlib
from pathlib import Path

CSV = b"1704067200,9.5,0.1\n1704067201,9.6,0.2\n"


class _Keys:
    """ZipCrypto, as PKWARE's note describes it in 6.1."""

    def __init__(self, password: bytes) -> None:
        self.keys = [0x12345678, 0x23456789, 0x34567890]
        for byte in password:
            self._update(byte)

    def _update(self, byte: int) -> None:
        first, second, third = self.keys
        first = _crc(byte, first)
        second = (second + (first & 0xFF)) * 134775813 + 1 & 0xFFFFFFFF
        self.keys = [first, second, _crc(second >> 24, third)]

    def encrypt(self, plain: bytes) -> bytes:
        found = bytearray()
        for byte in plain:
            near = (self.keys[2] | 2) & 0xFFFF
            found.append(byte ^ ((near * (near ^ 1)) >> 8 & 0xFF))
            self._update(byte)
        return bytes(found)


def _crc(byte: int, crc: int) -> int:
    """One step of CRC-32 without its inversions."""
    return zlib.crc32(bytes([byte]), crc ^ 0xFFFFFFFF) ^ 0xFFFFFFFF


def write_encrypted(path: Path, name: str, content: bytes, password: str, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a ZIP of one member, encrypted by ZipCrypto."""
    packed = raw_deflate(content) if method == zipfile.ZIP_DEFLATED else content
    crc = zlib.crc32(content)
    head = bytes(range(11)) + bytes([crc >> 24])
    return write_raw(path, name, _Keys(password.encode()).encrypt(head + packed), crc, len(content), method, flags=1)


def write_raw(
    path: Path, name: str, packed: bytes, crc: int, size: int, method: int = 8, flags: int = 0, attributes: int = 0
) -> Path:
    """Write a ZIP of one member with whatever its headers shall say."""
    raw = name.encode()
    common = struct.pack("<HHHHHLLLHH", 20, flags, method, 0, 33, crc, len(packed), size, len(raw), 0)
    local = b"PK\x03\x04" + common + raw + packed
    central = b"PK\x01\x02\x14\x00" + common + struct.pack("<HHHLL", 0, 0, 0, attributes, 0) + raw
    end = b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, 1, 1, len(central), len(local), 0)
    path.write_bytes(local + central + end)
    return path


def raw_deflate(content: bytes) -> bytes:
    """Return the content packed as ZIPs have it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()
