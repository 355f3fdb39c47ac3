"""The namespace of names that are served to the code of checkpoints: `hub_io.served.transformers…`.

Only the loader of bundles imports from here; see `hub_io.running._served_modules`. This folder contains no code.
"""

from __future__ import annotations

from hub_io.running import SERVED_FINDER as _FINDER

__all__: list[str] = []

_FINDER.install()
