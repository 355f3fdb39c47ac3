"""The code of tokenizers and processors that a checkpoint ships. Only transformers has classes for it.

It is a bundle of its own, beside that of config and models: what these packages load runs none of it.
"""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from auto_registry.auto_tasks import loadable_names
from config_core.checkpoint import CONFIG_NAME, decode_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auto_registry.code_load import CodeLoad
    from config_core.checkpoint import Checkpoint

__all__ = ["PROCESSING_NAMES", "names_beside", "processing_load"]

PROCESSING_NAMES: Final = frozenset(
    {"AutoFeatureExtractor", "AutoImageProcessor", "AutoProcessor", "AutoTokenizer", "AutoVideoProcessor"}
)
# The files whose `auto_map` transformers reads, the first to the last. It takes no tokenizer from config.json.
_PROCESSOR_FILE: Final = "processor_config.json"
_TOKENIZER_FILE: Final = "tokenizer_config.json"
_FILES: Final = (
    _PROCESSOR_FILE,
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    _TOKENIZER_FILE,
    CONFIG_NAME,
)
_MAX_BYTES: Final = 16 * 1024 * 1024  # of one file; some list every token


def names_beside(auto_map: Mapping[str, Any], auto_class: str) -> frozenset[str]:
    """Return the names in an `auto_map` whose classes form a bundle with the class of a name."""
    return PROCESSING_NAMES & auto_map.keys() if auto_class in PROCESSING_NAMES else loadable_names(auto_map)


def processing_load(load: CodeLoad) -> CodeLoad:
    """Return a load of a checkpoint's tokenizers and processors; its `auto_map` has the names of their auto classes.

    Args:
        load: The load of the checkpoint. What it has read and opened is shared.

    Raises:
        ConfigFileError: A file is not JSON.
    """
    checkpoint = load.checkpoint
    found = copy(load)
    found.auto_map = {} if checkpoint is None else _auto_map(checkpoint)
    found.granted, found.announced = set(), set()
    return found


def _auto_map(checkpoint: Checkpoint) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in _FILES:
        for auto_map in _auto_maps(checkpoint, file) if checkpoint.has(file) else ():
            for name in PROCESSING_NAMES & auto_map.keys():
                is_read = name != "AutoTokenizer" or file == _TOKENIZER_FILE
                if is_read and (reference := _preferred(auto_map[name])):
                    found.setdefault(name, reference)
    return found


def _auto_maps(checkpoint: Checkpoint, file: str) -> Iterator[dict[str, Any]]:
    """Yield what a file has under `auto_map`; transformers 5 writes the parts of a processor into its file."""
    values = decode_json(checkpoint.read_bytes(file, limit=_MAX_BYTES), path=Path(str(checkpoint), file))
    parts = values.values() if file == _PROCESSOR_FILE and isinstance(values, dict) else ()
    for part in (values, *parts):
        auto_map = part.get("auto_map") if isinstance(part, dict) else None
        if file == _TOKENIZER_FILE and isinstance(auto_map, list):  # the form of earliest versions
            auto_map = {"AutoTokenizer": auto_map}
        if isinstance(auto_map, dict):
            yield auto_map


def _preferred(value: Any) -> Any:
    """Return the reference that transformers 5 takes: of `[slow, fast]` and of backends, the fast one if there is."""
    if isinstance(value, dict):
        value = [*(other for name, other in value.items() if name != "torchvision"), value.get("torchvision")]
    if isinstance(value, list):
        return next(filter(None, reversed(value)), None)
    return value
