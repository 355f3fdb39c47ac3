"""No test may reach the network, a user's cache or a user's token: set before anything imports huggingface_hub."""

from __future__ import annotations

import os
import tempfile

for _name in [name for name in os.environ if name.startswith(("HF_", "HUGGING", "TRANSFORMERS_"))]:
    del os.environ[_name]

os.environ.update(
    HF_HOME=tempfile.mkdtemp(prefix="pretrained-tests-"),
    # Nothing listens on port 9 of loopback: a test that forgets its Hub fails instead of reaching a real one.
    HF_ENDPOINT="http://127.0.0.1:9",
    HF_HUB_DISABLE_XET="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_DISABLE_UPDATE_CHECK="1",
    HF_HUB_DISABLE_PROGRESS_BARS="1",
    NO_PROXY="127.0.0.1,localhost",
    TOKENIZERS_PARALLELISM="false",
)
