"""Xet storage: what the content-addressed store keeps, and how a file is put together from it."""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any

from loopback_hub.xorbs import Term, pack, read_chunks, read_shard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from loopback_hub.xorbs import Chunk

__all__ = ["Cas"]

_XORB_SIZE = 16 * 1024 * 1024
_HASH = re.compile(r"[0-9a-f]{64}")


class Cas:
    """Xorbs in a folder, and the files that shards build from them.

    Attributes:
        files: The terms of each file, by xet hash.
        hashes: The xet hash of each file, by SHA-256.
    """

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, tuple[Term, ...]] = {}
        self.hashes: dict[str, str] = {}
        self._folder = folder
        self._chunks: dict[str, list[Chunk]] = {}
        self._lock = Lock()

    def add_xorb(self, name: str, xorb: bytes) -> bool:
        """Keep a xorb; return whether it is new."""
        if not _HASH.fullmatch(name):
            raise ValueError(f"{name} is no hash")
        if name in self._chunks:
            return False
        (self._folder / name).write_bytes(xorb)
        self._chunks[name] = read_chunks(xorb)
        return True

    def xorb(self, name: str) -> bytes | None:
        """Return a xorb, None for one that is not here."""
        return (self._folder / name).read_bytes() if name in self._chunks else None

    def add_shard(self, shard: bytes) -> None:
        """Learn the files that a shard describes.

        Raises:
            ValueError: It builds a file from chunks that are not here.
        """
        for file in read_shard(shard):
            for term in file.terms:
                if term.end > len(self._chunks.get(term.xorb, ())):
                    raise ValueError(f"xorb {term.xorb} has no chunk {term.end - 1}")
            self.files[file.xet_hash] = file.terms
            if file.sha256:
                self.hashes[file.sha256] = file.xet_hash

    def add_file(self, oid: str, content: bytes) -> str:
        """Keep a file that no client uploaded to here, and return its xet hash; `oid` is its SHA-256."""
        from hf_xet import hash_files

        with self._lock:
            if oid not in self.hashes:
                file = self._folder / "file-to-hash"
                file.write_bytes(content)
                (hashed,) = hash_files([str(file)])
                file.unlink()
                parts = (content[at : at + _XORB_SIZE] for at in range(0, len(content), _XORB_SIZE))
                self.files[hashed.hash] = tuple(self._add_part(part) for part in parts)
                self.hashes[oid] = hashed.hash
            return self.hashes[oid]

    def _add_part(self, part: bytes) -> Term:
        name = sha256(part).hexdigest()
        self.add_xorb(name, pack(part))
        return Term(name, len(part), 0, len(self._chunks[name]))

    def size(self, xet_hash: str) -> int:
        """Return the size of a file."""
        return sum(term.unpacked for term in self.files[xet_hash])

    def reconstruction(self, xet_hash: str, start: int, end: int, url: Callable[[str], str]) -> Mapping[str, Any]:
        """Say how the bytes `start` to `end` of a file are put together, in version 2 of the protocol.

        Args:
            xet_hash: The file.
            start: First byte.
            end: Behind the last byte.
            url: Returns where the xorb of that name can be fetched.
        """
        terms, offset, at = [], 0, 0
        for term in self.files[xet_hash]:
            if at < end and at + term.unpacked > start:
                trimmed, skipped = self._trim(term, start - at, end - at)
                offset = offset if terms else start - at - skipped
                terms.append(trimmed)
            at += term.unpacked
        ranges: dict[str, list[tuple[int, int]]] = {}
        for term in terms:
            ranges.setdefault(term.xorb, []).append((term.start, term.end))
        xorbs = {
            name: [{"url": url(name), "ranges": [self._range(name, *pair)]} for pair in _merged(pairs)]
            for name, pairs in ranges.items()
        }
        return {"offset_into_first_range": offset, "terms": [_described(term) for term in terms], "xorbs": xorbs}

    def _trim(self, term: Term, start: int, end: int) -> tuple[Term, int]:
        """Return the term without chunks outside of its bytes `start` to `end`, and how many bytes it lost in front."""
        sizes = [chunk.unpacked for chunk in self._chunks[term.xorb][term.start : term.end]]
        first, last, skipped, kept = 0, len(sizes), 0, term.unpacked
        while skipped + sizes[first] <= start:
            skipped, kept = skipped + sizes[first], kept - sizes[first]
            first += 1
        while skipped + kept - sizes[last - 1] >= end:
            last -= 1
            kept -= sizes[last]
        return replace(term, unpacked=kept, start=term.start + first, end=term.start + last), skipped

    def _range(self, xorb: str, start: int, end: int) -> dict[str, Any]:
        chunks = self._chunks[xorb]
        last_byte = chunks[end - 1].end - 1
        return {"chunks": {"start": start, "end": end}, "bytes": {"start": chunks[start].start, "end": last_byte}}

    def clear(self) -> None:
        """Forget the files. Xorbs stay: a client that remembers a chunk as uploaded does not send it again."""
        self.files.clear()
        self.hashes.clear()


def _merged(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ranges of chunks without overlaps: hf_xet takes the first range that holds the start of a term."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(pairs):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _described(term: Term) -> dict[str, Any]:
    return {"hash": term.xorb, "unpacked_length": term.unpacked, "range": {"start": term.start, "end": term.end}}
