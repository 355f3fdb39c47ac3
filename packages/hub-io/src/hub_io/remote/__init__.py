"""Where trusted code of checkpoints is imported: `hub_io.remote.<name>_<digest>.<module>`. None of it lies on disk."""

from __future__ import annotations

__all__: list[str] = []
