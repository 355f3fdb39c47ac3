"""Random edits of bytes, and of JSON, whose bytes may be edited afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuzzing.json_trees import dump_tree, edit_tree, parse_tree

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

__all__ = ["edit_bytes", "edit_json"]

_PIECES = [
    b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\x1b[2J", b"\r\n", b'"', b"\\", b"{", b"}", b"[", b"]", b",",
    b":", b"\\u0000", b"\\ud800", b"\\udc00", b"//", b"NaN", b"1e999", b"-", b"\xe2\x80\xae", b"/*", b"'", b"\x7f" * 9,
]  # fmt: skip
_WHOLE = [
    b"", b" ", b"null", b"[]", b"0", b"{", b"<html><body>Log in</body></html>", b"\x80\x04\x95\x00", b"PK\x03\x04",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 3\n", b"\xff\xfe{\0}\0",
]  # fmt: skip


def edit_json(text: str, rng: random.Random, *, keys: Sequence[str] = ()) -> bytes:
    """Return a mutant of a JSON text: of its values, and of every fourth the bytes too.

    Args:
        text: The JSON.
        rng: Chooses.
        keys: Names of members that mean something to who reads it.
    """
    content = dump_tree(edit_tree(parse_tree(text), rng, keys=keys)).encode("utf-8", "surrogatepass")
    return edit_bytes(content, rng) if rng.random() < 0.25 else content


def edit_bytes(content: bytes, rng: random.Random) -> bytes:
    """Return bytes with one to four random edits."""
    if rng.random() < 0.03:
        return rng.choice(_WHOLE)
    edited = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        start = rng.randint(0, len(edited))
        end = min(len(edited), start + rng.choice((1, 1, 4, 16, 256)))
        kind = rng.randrange(6)
        if kind == 0:
            edited[start:end] = bytes(byte ^ (1 << rng.randrange(8)) for byte in edited[start:end])
        elif kind == 1:
            del edited[start:end]
        elif kind == 2:
            edited[start:start] = rng.choice(_PIECES)
        elif kind == 3:
            edited[start:start] = edited[start:end]
        elif kind == 4:
            edited[start:end] = rng.randbytes(end - start)
        else:
            del edited[start:]
    return bytes(edited)
