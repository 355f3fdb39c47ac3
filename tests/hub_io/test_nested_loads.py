"""Trusted code that loads other code: it inherits the policy that let it run, and widens nothing."""

from __future__ import annotations

import os
import sys
import warnings

import pytest

from auto_registry import AutoConfig, AutoModel, Registry
from hub_io import (
    FrozenPolicyError,
    RemoteCodeImportError,
    RemoteCodeRefusedError,
    TrustFile,
    TrustPolicy,
    TrustStore,
    UnpinnedCodeWarning,
    load_into_registry,
)
from other_processes import environment, run_program
from tiny_checkpoints import AUTO_MAP, MODELING, config_json, files, trust, write

LOADS = """

    def load_other(self, source, **options):
        from auto_registry import AutoModel

        return AutoModel.from_pretrained(source, **options)
"""
OUTER = MODELING.replace("\n\nclass TinyClassifier", f"{LOADS}\n\nclass TinyClassifier")


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "marker"


@pytest.fixture
def inner(tmp_path, marker, places):  # noqa: ARG001 - a machine where nobody has trusted anything
    """Code that nobody has trusted."""
    return write(tmp_path / "inner", files(marker=marker))


@pytest.fixture
def outer(tmp_path, places):  # noqa: ARG001 - a machine where nobody has trusted anything
    """A checkpoint whose model loads others."""
    return write(tmp_path / "outer", files({"modeling_tiny.py": OUTER}))


@pytest.fixture
def model(outer):
    """Its model, which the program has trusted."""
    return AutoModel.from_pretrained(outer, trust_remote_code=True)


@pytest.fixture
def lock(inner, marker, places):
    """The project's file, which trusts the inner code."""
    trust(places / "hub-code.lock", files(marker=marker), source=os.path.realpath(inner))
    return places / "hub-code.lock"


@pytest.mark.parametrize("said", [None, False, True])
def test_code_cannot_trust_other_code(model, inner, marker, said):
    """Whatever it says for it."""
    with pytest.raises(RemoteCodeRefusedError):
        model.load_other(inner, trust_remote_code=said)
    assert not marker.exists()


def test_refusal_says_who_asked(model, inner):
    """It names the module, and advises what the program can do and not what the code cannot."""
    with pytest.raises(RemoteCodeRefusedError) as caught:
        model.load_other(inner, trust_remote_code=True)
    said_in_vain = f"{type(model).__module__}, itself a checkpoint's code, asks for it with trust_remote_code=True"
    assert said_in_vain in str(caught.value)
    assert "which only the program can say" in str(caught.value)
    assert "If you trust them, put them into your trust store" in str(caught.value)


def test_import_that_asks_is_refused_too(tmp_path, inner, marker):
    """The load that imports it fails, and leaves nothing imported."""
    asks = f"from auto_registry import AutoModel\nAutoModel.from_pretrained({str(inner)!r}, trust_remote_code=True)\n"
    folder = write(tmp_path / "asks", files({"modeling_tiny.py": MODELING + asks}))
    before = {name for name in sys.modules if name.startswith("hub_io.remote.")}
    with pytest.raises(RemoteCodeImportError) as caught:
        AutoModel.from_pretrained(folder, trust_remote_code=True)
    assert isinstance(caught.value.__cause__, RemoteCodeRefusedError)
    assert not marker.exists()
    left = {name for name in sys.modules if name.startswith("hub_io.remote.")} - before
    assert [name for name in left if name.endswith("modeling_tiny")] == []


@pytest.mark.usefixtures("lock")
def test_store_trusts_nested_code(model, inner):
    """What was read runs, whoever asks for it."""
    assert model.load_other(inner).weights == [1.0, 2.0]


@pytest.mark.usefixtures("lock")
def test_nested_false_refuses(model, inner, marker):
    """Code may say less than the program."""
    with pytest.raises(RemoteCodeRefusedError):
        model.load_other(inner, trust_remote_code=False)
    assert not marker.exists()


def test_code_loads_what_is_its_own(model, outer, tmp_path):
    """The bundle that the program has granted, from the same place or another."""
    copy = write(tmp_path / "copy", files({"modeling_tiny.py": OUTER}))
    for source in (outer, copy):
        assert type(model.load_other(source, trust_remote_code=True)) is type(model)


@pytest.mark.usefixtures("lock")
@pytest.mark.parametrize("cap", ["deny", "locked"])
def test_cap_holds_for_nested_loads(model, inner, marker, monkeypatch, cap):
    """`deny` also of what the store has, which `locked` lets run."""
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", cap)
    if cap == "locked":
        assert model.load_other(inner).weights == [1.0, 2.0]
        return
    with pytest.raises(RemoteCodeRefusedError, match="switched off"):
        model.load_other(inner)
    assert not marker.exists()


def test_lock_holds_for_what_was_granted_before(model, outer, monkeypatch):
    """Code on the stack lets no more of itself in, once only the store decides."""
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", "locked")
    with pytest.raises(RemoteCodeRefusedError, match="only code in the trust store runs here"):
        model.load_other(outer)


@pytest.fixture
def model_with_part(hub, inner, marker):  # noqa: ARG001 - for its places
    """A model whose load has granted the inner code too, which lies in another repository."""
    part = hub.create_repo("maker/part", files(marker=marker))
    auto_map = {**AUTO_MAP, "AutoModelForImageClassification": "maker/part--modeling_tiny.TinyClassifier"}
    whole = hub.create_repo("me/parts", files({"config.json": config_json(auto_map), "modeling_tiny.py": OUTER}))
    hub.tag("me/parts", "both", whole)
    hub.tag("maker/part", "both", part)
    with warnings.catch_warnings(action="ignore"):  # of tags, which can move
        report = load_into_registry("me/parts", code_revision="both", trust_remote_code=True, registry=Registry())
    assert len(report.digests) == 2
    return report.model_classes["AutoModel"](report.config_class())


def test_grants_of_one_load_are_not_those_of_the_next(model_with_part, outer, inner, places):
    """The next one trusts one of the two by the store alone."""
    assert model_with_part.load_other(inner, trust_remote_code=True).weights == [1.0, 2.0]
    trust(places / "hub-code.lock", files({"modeling_tiny.py": OUTER}))
    model = AutoModel.from_pretrained(outer)
    assert type(model) is type(model_with_part)
    with pytest.raises(RemoteCodeRefusedError):
        model.load_other(inner, trust_remote_code=True)


def test_code_that_loads_itself_keeps_what_was_granted_with_it(model_with_part, outer, inner):
    """The load that it asks for is part of the one that let it run."""
    assert type(model_with_part.load_other(outer)) is type(model_with_part)
    assert model_with_part.load_other(inner).weights == [1.0, 2.0]


def test_policy_of_a_load_is_that_of_its_code(tmp_path, inner, marker, places):
    """The store that let the code in decides on what it loads, and not the project's, which has more."""
    outer = files({"modeling_tiny.py": OUTER + "ONLY_IN_THIS_TEST = 1\n"})
    folder = write(tmp_path / "outer", outer)
    trust(tmp_path / "own.json", outer)
    trust(places / "hub-code.lock", files(marker=marker))
    own = TrustPolicy(store=TrustStore((TrustFile(tmp_path / "own.json"),)), cap="locked")
    report = load_into_registry(folder, policy=own, registry=Registry())
    model = report.model_classes["AutoModel"](report.config_class())
    with pytest.raises(RemoteCodeRefusedError):
        model.load_other(inner)
    assert not marker.exists()
    assert AutoConfig.from_pretrained(inner).size == 2


REACHES = """

    def widen(self, source):
        import hub_io

        return hub_io.load_into_registry(
            source, trust_remote_code=True, policy=hub_io.TrustPolicy(), registry=self.registry
        )

    def set_policy(self):
        import hub_io

        hub_io.set_default_policy(hub_io.TrustPolicy())
"""


@pytest.fixture
def reaching(tmp_path, inner):  # noqa: ARG001 - for its places
    """A model that wants a policy of its own."""
    code = MODELING.replace("\n\nclass TinyClassifier", f"{REACHES}\n\nclass TinyClassifier")
    folder = write(tmp_path / "reaching", files({"modeling_tiny.py": code}))
    return AutoModel.from_pretrained(folder, trust_remote_code=True)


def test_code_cannot_bring_a_policy(reaching, inner, marker):
    """A policy that it makes for a load does not count."""
    reaching.registry = Registry()
    with pytest.raises(RemoteCodeRefusedError):
        reaching.widen(inner)
    assert not marker.exists()
    assert reaching.registry.model_types() == ()


def test_code_cannot_set_the_default_policy(reaching):
    """Only the program may."""
    with pytest.raises(FrozenPolicyError, match="only the program may set the policy"):
        reaching.set_policy()


def test_code_of_another_repository_that_was_granted_with_it_loads(hub, places):  # noqa: ARG001
    """Both bundles of a load were trusted by the program; the one may ask for the other."""
    part = {"config.json": config_json({"AutoConfig": AUTO_MAP["AutoConfig"]}), "modeling_tiny.py": None}
    inner = hub.create_repo("other/part", files(part))
    elsewhere = {"AutoConfig": f"other/part--{AUTO_MAP['AutoConfig']}", "AutoModel": AUTO_MAP["AutoModel"]}
    asks = OUTER.replace(
        "from .configuration_tiny import TinyConfig",
        "from auto_registry import AutoConfig\n"
        f"TinyConfig = type(AutoConfig.from_pretrained('other/part', revision={inner!r}, trust_remote_code=True))",
    )
    content = files({"config.json": config_json(elsewhere), "configuration_tiny.py": None, "modeling_tiny.py": asks})
    commit = hub.create_repo("me/whole", content)
    with pytest.warns(UnpinnedCodeWarning, match="other/part"):
        model = AutoModel.from_pretrained("me/whole", revision=commit, trust_remote_code=True)
    assert model.weights == [1.0, 2.0]


def test_policy_that_was_frozen_later_caps_code_that_was_there_before(tmp_path, outer, inner, lock, marker):
    """Its own policy would let it load what the store has."""
    program = """
import sys
from auto_registry import AutoModel
from hub_io import RemoteCodeRefusedError, TrustPolicy, set_default_policy

model = AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True)
set_default_policy(TrustPolicy(cap="deny"), freeze=True)
try:
    model.load_other(sys.argv[2])
except RemoteCodeRefusedError as error:
    print(error.reason)
"""
    environ = environment(tmp_path / "cache", HUB_IO_TRUST_STORE=str(lock))
    assert "switched off" in run_program(tmp_path / "main.py", program, outer, inner, environ=environ)
    assert not marker.exists()


def test_policy_that_was_frozen_later_brings_its_store(tmp_path, outer, inner, lock, marker):
    """What the store of the code's own policy has, and the frozen one has not, does not run."""
    program = """
import sys
from auto_registry import AutoModel
from hub_io import RemoteCodeRefusedError, TrustPolicy, set_default_policy

model = AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True)
set_default_policy(TrustPolicy(), freeze=True)
try:
    model.load_other(sys.argv[2])
except RemoteCodeRefusedError as error:
    print(error.reason)
"""
    environ = environment(tmp_path / "cache", HUB_IO_TRUST_STORE=str(lock))
    told = run_program(tmp_path / "main.py", program, outer, inner, environ=environ)
    assert "nobody has said that it is trusted" in told
    assert not marker.exists()
