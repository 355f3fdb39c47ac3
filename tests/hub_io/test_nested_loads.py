"""Trusted code that loads other code: it inherits the policy that let it run, and widens nothing."""

from __future__ import annotations

import os
import sys

import pytest

from auto_registry import AutoConfig, AutoModel, AutoModelForImageClassification, Registry
from hub_io import (
    RemoteCodeImportError,
    RemoteCodeRefusedError,
    TrustFile,
    TrustPolicy,
    TrustPolicyError,
    TrustStore,
    load_into_registry,
)
from other_processes import environment, run_program
from tiny_checkpoints import AUTO_MAP, MODELING, config_json, files, trust, write

# Its `from_pretrained` loads others in turn: the first of them, which gets the rest.
OUTER = MODELING.replace(
    """def from_pretrained(cls, checkpoint, *, config):
        model = cls(config)
""",
    """def from_pretrained(cls, checkpoint, *, config, others=(), said=None, environ=()):
        import os
        from auto_registry import AutoModel

        model = cls(config)
        os.environ.update(environ)
        if others:
            model.other = AutoModel.from_pretrained(others[0], trust_remote_code=said, others=others[1:], said=said)
""",
)
LATER = """

    def load_other(self, source, **options):
        from auto_registry import AutoModel

        return AutoModel.from_pretrained(source, **options)
"""


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "marker"


@pytest.fixture
def inner(tmp_path, marker, places):  # noqa: ARG001 - a machine where nobody has trusted anything
    """Code that nobody has trusted."""
    return write(tmp_path / "inner", files({"modeling_tiny.py": OUTER}, marker=marker))


@pytest.fixture
def outer(tmp_path, places):  # noqa: ARG001 - a machine where nobody has trusted anything
    """A checkpoint whose model loads others."""
    return write(tmp_path / "outer", files({"modeling_tiny.py": f"{OUTER}# outer\n"}))


@pytest.fixture
def load_nested(outer):
    """Load the outer checkpoint, which the program trusts, and let it load others in turn."""

    def load(*others, said=None, trust_remote_code=True, **options):
        options |= {"others": list(map(str, others)), "said": said}
        return AutoModel.from_pretrained(outer, trust_remote_code=trust_remote_code, **options)

    return load


@pytest.fixture
def lock(inner, marker, places):
    """The project's file, which trusts the inner code."""
    content = files({"modeling_tiny.py": OUTER}, marker=marker)
    trust(places / "hub-code.lock", content, source=os.path.realpath(inner))
    return places / "hub-code.lock"


@pytest.mark.parametrize("said", [None, False, True])
def test_code_cannot_trust_other_code(load_nested, inner, marker, said):
    """Whatever it passes."""
    with pytest.raises(RemoteCodeRefusedError):
        load_nested(inner, said=said)
    assert not marker.exists()


def test_refusal_names_the_checkpoint_whose_code_asked(load_nested, outer, inner):
    """It advises what the program can do, and not what the code cannot."""
    with pytest.raises(RemoteCodeRefusedError) as caught:
        load_nested(inner, said=True)
    asked = f"the code of {outer} asks for it with trust_remote_code=True, which only the program may pass"
    assert asked in str(caught.value)
    assert "If you trust them, add them to your trust store" in str(caught.value)


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
def test_store_trusts_nested_code(load_nested, inner):
    """What was read runs, no matter who asks for it."""
    assert load_nested(inner).other.weights == [1.0, 2.0]


@pytest.mark.usefixtures("lock")
def test_nested_false_refuses(load_nested, inner, marker):
    """Code may pass less than the program."""
    with pytest.raises(RemoteCodeRefusedError):
        load_nested(inner, said=False)
    assert not marker.exists()


def test_code_loads_what_is_its_own(load_nested, outer, tmp_path):
    """The bundle that the program has granted, from the same place or another."""
    copy = write(tmp_path / "copy", files({"modeling_tiny.py": f"{OUTER}# outer\n"}))
    for source in (outer, copy):
        model = load_nested(source, said=True)
        assert type(model.other) is type(model)


@pytest.mark.usefixtures("lock")
@pytest.mark.parametrize("cap", ["deny", "locked"])
def test_cap_holds_for_nested_loads(load_nested, inner, marker, monkeypatch, cap):
    """With `deny` even code in the store is refused, with `locked` it runs. The cap is set while the load goes on."""
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", "")
    if cap == "locked":
        assert load_nested(inner, environ={"HUB_IO_REMOTE_CODE": cap}).other.weights == [1.0, 2.0]
        return
    with pytest.raises(RemoteCodeRefusedError, match="switched off"):
        load_nested(inner, environ={"HUB_IO_REMOTE_CODE": cap})
    assert not marker.exists()


def test_lock_holds_for_what_was_granted_before(load_nested, outer, monkeypatch):
    """Once only the store decides, code that runs already is not let in again."""
    monkeypatch.setenv("HUB_IO_REMOTE_CODE", "")
    with pytest.raises(RemoteCodeRefusedError, match="only code in the trust store runs here"):
        load_nested(outer, environ={"HUB_IO_REMOTE_CODE": "locked"})


def test_grants_of_one_load_are_not_those_of_the_next(load_nested, inner, places):
    """The inner code was trusted for a load of its own, which says nothing about this one."""
    AutoModel.from_pretrained(inner, trust_remote_code=True)
    with pytest.raises(RemoteCodeRefusedError):
        load_nested(inner, said=True)
    trust(places / "hub-code.lock", files({"modeling_tiny.py": f"{OUTER}# outer\n"}))
    with pytest.raises(RemoteCodeRefusedError):
        load_nested(inner, said=True, trust_remote_code=None)


@pytest.fixture
def whole(hub, places):  # noqa: ARG001 - for its places
    """A repository whose config class is in another one, and the code of which both parts were trusted."""
    content = {"config.json": config_json({"AutoConfig": AUTO_MAP["AutoConfig"]}), "modeling_tiny.py": None}
    part = hub.create_repo("other/part", files(content))
    elsewhere = {"AutoConfig": f"other/part--{AUTO_MAP['AutoConfig']}", "AutoModel": AUTO_MAP["AutoModel"]}
    asks = OUTER.replace(
        "from .configuration_tiny import TinyConfig",
        "from auto_registry import AutoConfig\n"
        f"TinyConfig = type(AutoConfig.from_pretrained('other/part', revision={part!r}, trust_remote_code=True))",
    )
    content = files({"config.json": config_json(elsewhere), "configuration_tiny.py": None, "modeling_tiny.py": asks})
    return hub.create_repo("me/whole", content)


@pytest.mark.filterwarnings("ignore::hub_io.UnpinnedCodeWarning")
def test_code_of_another_repository_that_was_granted_with_it_loads(whole):
    """Both bundles of a load were trusted by the program; the one may ask for the other."""
    model = AutoModel.from_pretrained("me/whole", revision=whole, trust_remote_code=True)
    assert model.weights == [1.0, 2.0]


@pytest.mark.filterwarnings("ignore::hub_io.UnpinnedCodeWarning")
def test_code_that_loads_itself_keeps_what_was_granted_with_it(whole, tmp_path):
    """A load in a load in a load: what the outermost has granted is granted to all of them."""
    own = {"AutoConfig": AUTO_MAP["AutoConfig"]}
    part = write(tmp_path / "part", files({"config.json": config_json(own), "modeling_tiny.py": None}))
    options = {"others": ["me/whole"], "said": True}
    model = AutoModel.from_pretrained("me/whole", revision=whole, trust_remote_code=True, **options)
    assert type(model.other) is type(model)
    assert type(AutoConfig.from_pretrained(part, trust_remote_code=True)) is type(model.config)


def test_policy_of_a_load_is_that_of_its_code(tmp_path, inner, marker, lock):
    """The store that let the code in decides on what it loads, and not the project's, which has more."""
    asks = f"from auto_registry import AutoModel\nAutoModel.from_pretrained({str(inner)!r})\n"
    content = files({"modeling_tiny.py": OUTER + asks})
    folder = write(tmp_path / "outer", content)
    trust(tmp_path / "own.json", content)
    own = TrustPolicy(store=TrustStore((TrustFile(tmp_path / "own.json"),)), cap="locked")
    with pytest.raises(RemoteCodeImportError, match="only code in the trust store runs here"):
        load_into_registry(folder, policy=own, registry=Registry())
    assert not marker.exists()
    trust(lock, content)
    assert len(load_into_registry(folder, registry=Registry()).digests) == 1
    assert marker.exists()


REACHES = """
    @classmethod
    def from_pretrained(cls, checkpoint, *, config, source=None, registry_of_test=None):
        import hub_io

        if source is None:
            hub_io.set_default_policy(hub_io.TrustPolicy())
        hub_io.load_into_registry(
            source, trust_remote_code=True, policy=hub_io.TrustPolicy(), registry=registry_of_test
        )
"""


@pytest.fixture
def reaching(tmp_path, inner):  # noqa: ARG001 - for its places
    """A checkpoint whose model wants a policy of its own."""
    code = MODELING.replace("class TinyClassifier", "class Unused") + REACHES
    return write(
        tmp_path / "reaching", files({"modeling_tiny.py": code.replace("class Unused", "class TinyClassifier")})
    )


def test_code_cannot_bring_a_policy(reaching, inner, marker):
    """A policy that it makes for a load does not count."""
    registry = Registry()
    options = {"source": str(inner), "registry_of_test": registry, "trust_remote_code": True}
    with pytest.raises(RemoteCodeRefusedError):
        AutoModelForImageClassification.from_pretrained(reaching, **options)
    assert not marker.exists()
    assert registry.model_types() == ()


def test_code_cannot_set_the_default_policy(reaching):
    """Only the program may."""
    with pytest.raises(TrustPolicyError, match="cannot set the policy"):
        AutoModelForImageClassification.from_pretrained(reaching, trust_remote_code=True)


def test_object_of_a_registered_class_is_constructed_in_its_load(tmp_path, inner, marker):
    """A class that the program has registered is still the checkpoint's, and widens nothing when it makes a model."""
    folder = write(tmp_path / "outer", files({"modeling_tiny.py": f"{OUTER}# registered\n"}))
    registry = Registry()
    load_into_registry(folder, trust_remote_code=True, registry=registry)
    options = {"registry": registry, "others": [str(inner)], "said": True}
    with pytest.raises(RemoteCodeRefusedError, match=f"the code of {folder} asks for it"):
        AutoModel.from_pretrained(folder, **options)
    assert not marker.exists()
    own = AutoModel.from_pretrained(folder, registry=registry, others=[str(folder)], said=True)
    assert type(own.other) is type(own)


FROZEN_LATER = """
import sys
from auto_registry import AutoModel
from hub_io import RemoteCodeRefusedError, TrustPolicy, set_default_policy

model = AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True)
set_default_policy(TrustPolicy({policy}), freeze=True)
try:
    model.load_other(sys.argv[2], trust_remote_code={said})
except RemoteCodeRefusedError as error:
    print(error.reason)
"""


@pytest.mark.parametrize(
    ("policy", "said", "told"),
    [("cap='deny'", True, "switched off"), ("", None, "it has no entry in the trust store")],
)
def test_policy_that_was_frozen_later_holds_for_code_that_was_there_before(  # noqa: PLR0917
    tmp_path, inner, lock, marker, policy, said, told
):
    """Its cap and its store, which has not the entry that the environment's has."""
    code = MODELING.replace("\n\nclass TinyClassifier", f"{LATER}\n\nclass TinyClassifier")
    outer = write(tmp_path / "outer", files({"modeling_tiny.py": code}))
    environ = environment(tmp_path / "cache", HUB_IO_TRUST_STORE=str(lock))
    program = FROZEN_LATER.format(policy=policy, said=said)
    assert told in run_program(tmp_path / "main.py", program, outer, inner, environ=environ)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("policy", "told"), [("cap='deny'", "switched off"), ("", "it has no entry in the trust store")]
)
def test_policy_that_is_frozen_during_a_load_holds_for_the_rest_of_it(tmp_path, inner, lock, marker, policy, told):  # noqa: PLR0917
    """Another thread freezes it: the cap of the frozen policy and its store decide on what the code loads then."""
    freezes = (
        "import threading\nfrom hub_io import TrustPolicy, set_default_policy\n"
        f"freeze = lambda: set_default_policy(TrustPolicy({policy}), freeze=True)\n"
        "thread = threading.Thread(target=freeze)\nthread.start()\nthread.join()\n"
        f"from auto_registry import AutoModel\nAutoModel.from_pretrained({str(inner)!r})\n"
    )
    folder = write(tmp_path / "outer", files({"modeling_tiny.py": freezes + MODELING}))
    program = """
import sys
from auto_registry import AutoModel
try:
    AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True)
except ImportError as error:
    print(error.__cause__.reason)
"""
    environ = environment(tmp_path / "cache", HUB_IO_TRUST_STORE=str(lock))
    assert told in run_program(tmp_path / "main.py", program, folder, environ=environ)
    assert not marker.exists()
