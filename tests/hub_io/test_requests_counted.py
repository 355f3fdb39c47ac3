"""How often a load asks the Hub: counted on the loopback Hub, with everything downloaded before."""

from __future__ import annotations

import pytest

from auto_registry import AutoConfig, AutoModel, Registry
from hub_io import load_into_registry
from tiny_checkpoints import AUTO_MAP, config_json, files, trust

pytestmark = [pytest.mark.usefixtures("places"), pytest.mark.filterwarnings("ignore::hub_io.UnpinnedCodeWarning")]

LOADERS = {
    "config": AutoConfig.from_pretrained,
    "model": AutoModel.from_pretrained,
    "registry": lambda source, **options: load_into_registry(source, registry=Registry(), **options),
}


def warm(hub, load, source, **options):
    """Load twice, and return what the second time asked for."""
    load(source, **options)
    hub.clear_requests()
    load(source, **options)
    return [request.path for request in hub.requests]


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_pinned_load_asks_for_nothing(hub, load):
    """A full commit cannot have changed."""
    commit = hub.create_repo("me/tiny", files())
    assert warm(hub, load, "me/tiny", revision=commit, trust_remote_code=True) == []


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_load_that_the_store_trusts_asks_for_nothing(hub, places, load):
    """The entry has the commit, so no revision is needed either."""
    commit = hub.create_repo("me/tiny", files())
    trust(places / "hub-code.lock", files(), source="me/tiny", commit=commit)
    assert warm(hub, load, "me/tiny") == []


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_load_of_a_branch_asks_once(hub, load):
    """Where the branch is now, and nothing else."""
    hub.create_repo("me/tiny", files())
    (asked,) = warm(hub, load, "me/tiny", trust_remote_code=True)
    assert asked in {"/api/models/me/tiny", "/api/models/me/tiny/revision/main"}


def test_code_of_another_repository_is_counted_too(hub, places):
    """Both pinned by the store: nothing; both by branches: once each."""
    code = hub.create_repo("other/code", files())
    elsewhere = {name: f"other/code--{reference}" for name, reference in AUTO_MAP.items()}
    commit = hub.create_repo("me/tiny", {"config.json": config_json(elsewhere), "weights.json": "[1.0, 2.0]"})
    asked = warm(hub, AutoModel.from_pretrained, "me/tiny", trust_remote_code=True)
    assert sorted(asked) == ["/api/models/me/tiny", "/api/models/other/code"]
    trust(places / "hub-code.lock", files(), source="other/code", commit=code)
    assert warm(hub, AutoModel.from_pretrained, "me/tiny", revision=commit) == []
