"""The values of `auto_map`: references to a class in a source file, which may be in another repository."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from config_core.checkpoint import check_relative_name
from config_core.errors import ClassReferenceError, UnsafeNameError

__all__ = ["ClassReference"]

_REPO = r"(?a)[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*"


@dataclass(frozen=True, slots=True)
class ClassReference:
    """A reference to a class in a source file.

    Attributes:
        module: The file without `.py`, relative to the checkpoint: `modeling_x` or `folder/modeling_x`.
        class_name: The class in it.
        repo: The repository `owner/name` of the file, or None if the file is beside the config.
    """

    module: str
    class_name: str
    repo: str | None = None

    @classmethod
    def parse(cls, text: Any) -> ClassReference:
        """Parse `module.Class`, `folder/module.Class` or `owner/repo--module.Class`.

        Raises:
            ClassReferenceError: `text` does not have one of these forms, or points outside the checkpoint.
        """
        if not isinstance(text, str):
            raise _malformed(text, f"expected a string, got {type(text).__name__}")
        repo, separator, rest = text.rpartition("--")
        if separator and not re.fullmatch(_REPO, repo):
            raise _malformed(text, f"{repo!r} is not a repository 'owner/name'")
        module, dot, class_name = rest.rpartition(".")
        if not dot:
            raise _malformed(text, "it does not name a class after a dot")
        if not class_name.isidentifier():
            raise _malformed(text, f"{class_name!r} is not the name of a class")
        try:
            check_relative_name(module, where="auto_map")
        except UnsafeNameError as error:
            raise _malformed(text, str(error)) from error
        if not all(part.isidentifier() for part in module.split("/")):
            raise _malformed(text, f"{module!r} is not the name of a module")
        if not module.isascii():
            raise _malformed(text, f"{module!a} is not ASCII: similar letters could hide which file is used")
        if any(part.startswith("__") and part.endswith("__") for part in module.split("/")):
            raise _malformed(text, f"{module!r} is a name reserved by Python")
        return cls(module=module, class_name=class_name, repo=repo or None)

    @property
    def filename(self) -> str:
        """The source file, relative to the checkpoint."""
        return f"{self.module}.py"

    def __str__(self) -> str:
        prefix = f"{self.repo}--" if self.repo else ""
        return f"{prefix}{self.module}.{self.class_name}"


def _malformed(text: object, problem: str) -> ClassReferenceError:
    return ClassReferenceError(
        f"auto_map value {text!r:.300}: {problem:.500}. Allowed are 'module.Class', 'folder/module.Class' and "
        "'owner/repo--module.Class'.",
        reference=text,
    )
