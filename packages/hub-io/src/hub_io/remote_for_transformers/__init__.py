"""The namespace of trusted code that runs with the real transformers; see `hub_io.load_into_transformers`.

Like `hub_io.remote`, this folder contains none of it, and modules are found here by the digest in their name.
"""

from __future__ import annotations

from hub_io.running import install_finder as _install_finder

__all__: list[str] = []

_install_finder()
