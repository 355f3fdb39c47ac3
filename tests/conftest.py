"""A Hub on loopback for every test that asks for it, and no way to a real one, a user's cache or a user's token.

The client reads its environment when it is imported, so all of it is set here, before anything imports
huggingface_hub; processes that tests start inherit it. The port that HF_ENDPOINT names is bound here too, and refuses
connections until the first test asks for `hub`.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from loopback_hub.server import bind, url_of

if "huggingface_hub" in sys.modules:
    raise pytest.UsageError("huggingface_hub was imported before tests/conftest.py could point it at loopback")

for _name in [name for name in os.environ if name.startswith(("HF_", "HUB_IO_", "HUGGING", "TRANSFORMERS_"))]:
    del os.environ[_name]

_HOME = tempfile.TemporaryDirectory(prefix="pretrained-tests-")
atexit.register(_HOME.cleanup)  # in the workers of pytest-xdist too
_PORT, _CDN_PORT = bind(), bind()

os.environ.update(
    HF_HOME=_HOME.name,
    HF_ENDPOINT=url_of(_PORT),
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_DISABLE_UPDATE_CHECK="1",
    HF_HUB_DISABLE_PROGRESS_BARS="1",
    # hf_xet tries as often as everywhere, but does not wait for seconds in between.
    HF_XET_CLIENT_RETRY_BASE_DELAY="10ms",
    XDG_CONFIG_HOME=str(Path(_HOME.name, "config")),
    HUB_IO_CACHE=str(Path(_HOME.name, "hub-io")),
    # Both spellings: urllib, and with it the client, lets the lower one win.
    NO_PROXY="127.0.0.1,localhost",
    no_proxy="127.0.0.1,localhost",
    TOKENIZERS_PARALLELISM="false",
    TORCH_HOME=str(Path(_HOME.name, "torch")),
)


def pytest_configure(config):
    """Leave neither the folder nor the ports behind; let the client upload in the way its HTTP library frowns upon."""
    config.addinivalue_line(
        "filterwarnings", "ignore:Use 'content=<...>' to upload raw bytes/text content:DeprecationWarning"
    )
    config.add_cleanup(_PORT.close)
    config.add_cleanup(_CDN_PORT.close)


def pytest_addoption(parser):
    """Offer a short run that touches everything once."""
    parser.addoption("--smoke", action="store_true", help="run only the first test of each file")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Keep the first test of each file, of those that the markers leave."""
    if config.getoption("--smoke"):
        first = {item.path: item for item in reversed(items)}
        items[:] = [item for item in items if item is first[item.path]]


def _forget_xet_tokens():
    """Empty the client's cache in memory: a later test that plans a fault for the token route would not be asked."""
    if "huggingface_hub.utils._xet" in sys.modules:
        sys.modules["huggingface_hub.utils._xet"].XET_CONNECTION_INFO_CACHE.clear()


@pytest.fixture(scope="session")
def _running_hub():
    from loopback_hub.hub import LoopbackHub

    with LoopbackHub(_PORT, _CDN_PORT) as running:
        yield running


@pytest.fixture
def hub(_running_hub):
    """Return a `loopback_hub.hub.LoopbackHub` with nothing on it, and a client that has cached nothing.

    HF_HOME, which holds the client's cache and its stored token, stays where it is and is emptied: a client that is
    already imported would not see another path. So no test passes `cache_dir` unless that is what it tests. Nobody is
    logged in: pass `token=hub.token("me")`, or `monkeypatch.setenv("HF_TOKEN", hub.token("me"))`, which the client
    reads at every call.

    The client has its default settings, so weights travel over xet. Without xet it runs in a process that a test
    starts with `loopback_hub.WITHOUT_XET` in its environment. tests/support/loopback_hub/README.md lists what the Hub
    can do for a test.
    """
    for entry in Path(_HOME.name).iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    _forget_xet_tokens()
    _running_hub.reset()
    yield _running_hub
    _running_hub.end_test()


@pytest.fixture
def hub_environ(hub):
    """Environment variables with which a program is `alice` on the loopback Hub."""
    return {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token("alice")}
