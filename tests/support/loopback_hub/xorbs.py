"""The two formats of xet storage, as far as a server must read and write them.

A xorb is a row of chunks, each behind a header of eight bytes: version, packed length, compression, unpacked length.
A shard says of which chunks a file consists; it is a row of records of 48 bytes behind a header of the same length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Chunk", "ShardFile", "Term", "pack", "read_chunks", "read_shard"]

_CHUNK_HEADER = 8
_CHUNK_SIZE = 64 * 1024
_FOOTER = b"XETBLOB"  # stands where the next chunk's header would
_RECORD = 48
_END = b"\xff" * 32
_WITH_VERIFICATION, _WITH_SHA256 = 1 << 31, 1 << 30


class Chunk(NamedTuple):
    """Where a chunk lies in its xorb, header included, and how many bytes of a file it holds."""

    start: int
    end: int
    unpacked: int


@dataclass(frozen=True)
class Term:
    """Neighbouring chunks of one xorb, `start` to `end`, that are the next `unpacked` bytes of a file."""

    xorb: str
    unpacked: int
    start: int
    end: int


class ShardFile(NamedTuple):
    """What a shard says of a file."""

    xet_hash: str
    sha256: str | None
    terms: tuple[Term, ...]


def read_chunks(xorb: bytes) -> list[Chunk]:
    """Return the chunks of a xorb."""
    chunks = []
    at = 0
    while at < len(xorb) and not xorb.startswith(_FOOTER, at):
        end = at + _CHUNK_HEADER + int.from_bytes(xorb[at + 1 : at + 4], "little")
        chunks.append(Chunk(at, end, int.from_bytes(xorb[at + 5 : at + 8], "little")))
        at = end
    return chunks


def pack(content: bytes) -> bytes:
    """Return a xorb of `content`, in chunks of one size and not compressed."""
    pieces = (content[at : at + _CHUNK_SIZE] for at in range(0, len(content), _CHUNK_SIZE))
    headers_and_pieces = []
    for piece in pieces:
        size = len(piece).to_bytes(3, "little")
        headers_and_pieces += [b"\0", size, b"\0", size, piece]
    return b"".join(headers_and_pieces)


def read_shard(shard: bytes) -> Iterator[ShardFile]:
    """Yield the files that a shard describes."""
    records = (shard[at : at + _RECORD] for at in range(_RECORD, len(shard), _RECORD))
    for header in records:
        if header[:32] == _END:
            return
        flags, count = _number(header, 32), _number(header, 36)
        terms = tuple(_term(next(records)) for _ in range(count))
        if flags & _WITH_VERIFICATION:
            for _ in range(count):
                next(records)
        sha256 = _hash(next(records)) if flags & _WITH_SHA256 else None
        yield ShardFile(_hash(header), sha256, terms)


def _term(record: bytes) -> Term:
    return Term(_hash(record), _number(record, 36), _number(record, 40), _number(record, 44))


def _number(record: bytes, at: int) -> int:
    return int.from_bytes(record[at : at + 4], "little")


def _hash(record: bytes) -> str:
    """Return the hash a record starts with, as xet writes it: four little-endian numbers in hexadecimal."""
    return "".join(record[at : at + 8][::-1].hex() for at in range(0, 32, 8))
