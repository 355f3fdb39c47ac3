"""What a file is that has the name of a weight file and cannot be read as one, and what to do.

The type is told by the first bytes, and that of an archive by the names in it. Nothing of it is run or unpickled.
"""

from __future__ import annotations

import json
import re
import zipfile
from typing import TYPE_CHECKING, NamedTuple

from config_core.checkpoint import LFS_PROBLEM, is_lfs_pointer, parse_weight_file, weight_file_name
from model_core.weight_files import LENGTH_BYTES, METADATA_NAME

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["holds_other_type", "name_of_other_type", "problem_with_file", "problem_with_text", "remedy_for_name"]

_NUM_FIRST = 512
_MAX_HEADER_BYTES = 100_000_000  # more is refused by the safetensors library
_MAX_SHOWN = 60
_AGAIN = "Download or copy it again"
_UNPACK = "Unpack it, and put the weight file that it holds in its place"
_FOREIGN = "Use safetensors or torch weights of the model, or read it with its own library and pass state_dict="


class _Type(NamedTuple):
    """A type of files.

    Attributes:
        name: What a file of this type is.
        remedy: What to do with one.
    """

    name: str
    remedy: str


_SAFETENSORS = _Type("a safetensors file", "Rename it to {other_name}")
_TORCH = _Type("a file of torch.save", "Rename it to {other_name}")
_PICKLE = _Type("a pickle", "If torch.save wrote it, rename it to {other_name}")
_EMPTY = _Type("an empty file", _AGAIN)
_CUT = _Type("the beginning of a zip archive, which is incomplete", _AGAIN)
_SIGNATURES = {
    rb".{5}\0\0\0\{": _SAFETENSORS,
    rb"\0{64}": _Type("zeros, as an interrupted download leaves them", _AGAIN),
    rb"(?:\.\./)*(?:\.git)?/?annex/objects/": _Type("a git-annex pointer", "Run `git annex get` in its repository"),
    rb"GGUF": _Type("a GGUF file, which llama.cpp reads", _FOREIGN),
    rb"\x89HDF\r\n\x1a\n": _Type("an HDF5 file, which Keras reads", _FOREIGN),
    rb"\x93NUMPY": _Type("one NumPy array", _FOREIGN),
    rb".{4}TFL3": _Type("a TensorFlow Lite model", _FOREIGN),
    rb"\x08[\x01-\x20](?:\x12.[\w.-]{2}|:)": _Type("an ONNX model", _FOREIGN),
    rb"\x08\x01\x12": _Type("a SavedModel of TensorFlow", _FOREIGN),
    rb"\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!|.{257}ustar": _Type("an archive", _UNPACK),
    rb"\x80[\x02-\x05]": _PICKLE,
    rb"(?:[\x81-\x8f]|\xde..|\xdf....)(?:[\xa1-\xbf]|\xd9.)\w": _Type("a msgpack file, which Flax reads", _FOREIGN),
    rb"\s*<(?i:!doctype|html|head|\?xml)": _Type("a web page", f"{_AGAIN}; it may need a login"),
}
_EXPORTED = _Type("a program of torch.export", "If you trust it, pass state_dict=torch.export.load({path}).state_dict")
# By the end of a name in a zip archive.
_CONTENTS = {
    "archive_format": _EXPORTED,
    "serialized_exported_program.json": _EXPORTED,  # before torch 2.7
    "constants.pkl": _Type(
        "a TorchScript archive", "If you trust it, pass state_dict=torch.jit.load({path}).state_dict()"
    ),
    "data.pkl": _TORCH,
    ".npy": _Type(
        "a NumPy archive",
        "Pass state_dict={{name: torch.from_numpy(array) for name, array in numpy.load({path}).items()}}",
    ),
    ".weights.h5": _Type("a Keras archive", _FOREIGN),
    "": _Type("a zip archive", _UNPACK),
}


def problem_with_file(path: Path) -> str:
    """Return what a weight file is that cannot be read, and what to do; `""` if its type is that of its name.

    Args:
        path: The file.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(_NUM_FIRST)
    except OSError:
        return ""
    if is_lfs_pointer(begin):
        return LFS_PROBLEM
    is_legacy = path.suffix != ".safetensors"
    found = _type_of(begin, path)
    if not is_legacy and 0 < len(begin) < LENGTH_BYTES:
        found = _SAFETENSORS  # of which one or two bytes look like a text
    if found is None or found in ((_TORCH, _PICKLE) if is_legacy else (_SAFETENSORS,)):
        problem = "" if is_legacy else _wrong_size(path)
        return problem and f"{problem}. {_AGAIN}"
    expected = "a file of torch.save" if is_legacy else "a safetensors file"
    remedy = found.remedy.format(path=repr(str(path)), other_name=name_of_other_type(path))
    return f"not {expected} but {found.name}. {remedy}"


def holds_other_type(path: Path) -> bool:
    """Return whether a file is a safetensors file with the name of one of `torch.save`, or the reverse.

    False if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = _type_of(file.read(_NUM_FIRST), path)
    except OSError:
        return False
    return found in ((_TORCH, _PICKLE) if path.suffix == ".safetensors" else (_SAFETENSORS,))


def remedy_for_name(path: Path) -> str:
    """Return what to do with a file of another library, by its name alone: it is not opened."""
    known = {".npz": _CONTENTS[".npy"], ".pt2": _EXPORTED}.get(path.suffix)
    return known.remedy.format(path=repr(str(path))) if known else _FOREIGN


def name_of_other_type(path: Path) -> str:
    """Return the name for a file of `torch.save` that is called as a safetensors file is, or the reverse."""
    is_legacy = path.suffix != ".safetensors"
    if named := parse_weight_file(path.name):
        return weight_file_name(named.variant, shard=named.shard, legacy=not is_legacy)
    return path.with_suffix(".safetensors" if is_legacy else ".pt").name


def problem_with_text(content: bytes) -> str:
    """Return what the content of a file is that should be JSON, and what to do, or `""` if it may be JSON."""
    if is_lfs_pointer(content):
        return LFS_PROBLEM
    found = None if content.lstrip()[:1] in {b"{", b"["} else _type_of(content[:_NUM_FIRST])
    return f"not JSON but {found.name}. {found.remedy}" if found and "{" not in found.remedy else ""


def _type_of(begin: bytes, path: Path | None = None) -> _Type | None:
    """Return the type of a file that begins with these bytes, or None if they are not known."""
    if path is not None and begin.startswith(b"PK\x03\x04"):
        return _type_of_archive(path)
    if not begin:
        return _EMPTY
    for pattern, found in _SIGNATURES.items():
        if re.match(pattern, begin, re.DOTALL):
            return found
    text = begin.decode("utf-8", errors="ignore")
    if len(text.encode()) > len(begin) - 4 and (text.isprintable() or all(map(str.isprintable, text.split()))):
        return _Type(f"a text that begins {' '.join(text.split())[:_MAX_SHOWN]!r}", _AGAIN)
    return None


def _type_of_archive(path: Path) -> _Type:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError):
        return _CUT
    return next(found for ending, found in _CONTENTS.items() if any(name.endswith(ending) for name in ["", *names]))


def _wrong_size(path: Path) -> str:
    """Return how the size of a safetensors file differs from what its header says, or `""` if that is not known."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            header_end = LENGTH_BYTES + int.from_bytes(file.read(LENGTH_BYTES), "little")
            content = file.read(header_end - LENGTH_BYTES) if header_end <= _MAX_HEADER_BYTES else b"?"
        if size < max(header_end, LENGTH_BYTES) and content[:1] in {b"{", b""}:
            least = header_end if size >= LENGTH_BYTES else LENGTH_BYTES
            return (
                f"not a complete safetensors file: cut off in its header, it has {size:,} of at least {least:,} bytes"
            )
        header = json.loads(content)
        header.pop(METADATA_NAME, None)
        end = header_end + max((entry["data_offsets"][1] for entry in header.values()), default=0)
    except (OSError, ValueError, RecursionError, AttributeError, LookupError, TypeError):
        return ""
    if size < end:
        return f"not a complete safetensors file: it has {size:,} of {end:,} bytes"
    return f"longer than its header says: it has {size:,} bytes instead of {end:,}" if size > end else ""
