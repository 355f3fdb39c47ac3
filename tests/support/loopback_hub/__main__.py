"""A Hub for programs that are no tests: `python -m loopback_hub` prints how to reach it, and runs until stdin ends.

What it prints is a line of JSON: the environment variables with which a program is `alice` there.
"""

from __future__ import annotations

import json
import sys

from loopback_hub.hub import LoopbackHub
from loopback_hub.server import bind

with LoopbackHub(bind(), bind()) as hub:
    print(json.dumps({"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token("alice")}), flush=True)  # noqa: T201
    sys.stdin.read()
