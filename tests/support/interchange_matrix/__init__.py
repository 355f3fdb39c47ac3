"""Who loads what: each way of loading, in environments that hold one library, the other or both, from folder and Hub.

`load.py` is the program that runs in such an environment and loads one thing in one way.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ABSENT", "ENVIRONMENTS", "PROGRAM", "WAYS", "Way", "page"]

PROGRAM: Final = Path(__file__).with_name("load.py")
# What is installed in each environment, besides torch.
OURS: Final = ("pretrained-config-core", "pretrained-model-core", "pretrained-auto-registry", "pretrained-hub-io")
ENVIRONMENTS: Final = {
    "these packages": OURS,
    "transformers": ("transformers", "torch"),
    "both": (*OURS, "transformers"),
}


class Way(NamedTuple):
    """A way to load a checkpoint.

    Attributes:
        written_for: The library whose code the checkpoint ships.
        call: What the program calls, for the page.
        program: Name of a function in `load.py`.
    """

    written_for: str
    call: str
    program: str


_HERE = "`auto_registry.AutoModel….from_pretrained`"
_THERE = "`transformers.AutoModel….from_pretrained`"
_REGISTERED = "`hub_io.load_into_transformers`, then transformers' own"
WAYS: Final = (
    Way("transformers", _HERE, "here"),
    Way("transformers", _REGISTERED, "registered"),
    Way("transformers", _THERE, "there"),
    Way("these packages", _HERE, "here"),
    Way("these packages", _REGISTERED, "registered"),
    Way("these packages", _THERE, "there"),
)
ABSENT: Final = "not installed"  # what `load.py` says of a library
_HEAD: Final = """# Who loads what

Checkpoints that ship their code, loaded in fresh environments that hold these packages alone, transformers alone, or
both, from a folder and from the loopback Hub. The code *for transformers* is a repository in the style of what is
published for it; that *for these packages* is what `save_pretrained` writes by default. "Same bits" are the outputs of
the model in memory before it was saved.

`WRITE_MATRIX=1 uv run pytest -n 0 -m slow tests/interchange/test_matrix.py` writes this page. Without the variable, the
test fails if the page is not what it finds.
"""


def page(found: Mapping[tuple[Way, str, str], str]) -> str:
    """Return the page.

    Args:
        found: Way, environment and place to what came of it.
    """
    columns = [(environment, place) for environment in ENVIRONMENTS for place in ("folder", "Hub")]
    lines = [
        f"| code for | call | {' | '.join(f'{environment}, {place}' for environment, place in columns)} |",
        f"|---|---|{'---|' * len(columns)}",
        *(
            f"| {way.written_for} | {way.call} | {' | '.join(found[way, *column] for column in columns)} |"
            for way in WAYS
        ),
    ]
    return "\n".join([_HEAD, *lines, ""])
