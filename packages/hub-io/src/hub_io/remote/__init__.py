"""Where trusted code of checkpoints is imported: `hub_io.remote.<name>_<digest>.<module>`. None of it lies here.

Whoever imports such a module by name, as `pickle` does for objects out of another process, gets it if the code may run
here too; `hub_io.running` says when.
"""

from __future__ import annotations

from hub_io.running import install_finder as _install_finder

__all__: list[str] = []

_install_finder()
