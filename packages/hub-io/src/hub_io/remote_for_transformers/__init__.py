"""The namespace of trusted code that runs with the real transformers; see `hub_io.load_into_transformers`.

Like `hub_io.remote`, this folder contains none of it, and modules are found here by the digest in their name.
"""

from __future__ import annotations

from hub_io.running import BUNDLE_FINDER as _FINDER

__all__: list[str] = []

_FINDER.install()
