"""The namespace of trusted code: `hub_io.remote.<name>_<digest>.<module>`. This folder contains none of it.

Importing such a module by name, as `pickle` does for objects from another process, works if the code may run in this
process, too; see `hub_io.running._inherited_code`.
"""

from __future__ import annotations

from hub_io.running import BUNDLE_FINDER as _FINDER

__all__: list[str] = []

_FINDER.install()
