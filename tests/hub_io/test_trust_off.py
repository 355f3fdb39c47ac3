"""Without trust nothing of a checkpoint's code runs, whichever way it is loaded: the file it would write is absent."""

from __future__ import annotations

import pytest

import auto_registry
import tiny_checkpoints
from auto_registry import AutoConfig, AutoModel, Registry
from auto_registry.code_load import CodeLoad
from hub_io import REMOTE_CODE_SERVICE, RemoteCodeRefusedError, load_into_registry

AUTO_CLASSES = sorted(
    name for name in auto_registry.__all__ if name.startswith("Auto") and name in tiny_checkpoints.AUTO_MAP
)


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "marker"


@pytest.fixture(params=["folder", "hub"])
def place(request, tmp_path, marker):
    """Return a checkpoint's source, and its commit if it is on the Hub."""
    files = tiny_checkpoints.files(marker=marker)
    if request.param == "folder":
        return str(tiny_checkpoints.write(tmp_path / "saved", files)), None
    return "stranger/tiny", request.getfixturevalue("hub").create_repo("stranger/tiny", files)


@pytest.fixture
def source(place):
    return place[0]


@pytest.fixture
def revision(place):
    return place[1]


@pytest.mark.parametrize("trust", [None, False])
@pytest.mark.parametrize("name", AUTO_CLASSES)
def test_auto_class_runs_nothing(source, marker, name, trust):
    """Saying nothing and saying no are both no, for a folder as for a repository."""
    with pytest.raises(RemoteCodeRefusedError):
        getattr(auto_registry, name).from_pretrained(source, trust_remote_code=trust)
    assert not marker.exists()


@pytest.mark.parametrize("trust", [None, False])
def test_load_into_registry_runs_nothing(source, marker, trust):
    """Asking for registration is not trusting."""
    registry = Registry()
    with pytest.raises(RemoteCodeRefusedError):
        load_into_registry(source, trust_remote_code=trust, registry=registry)
    assert not marker.exists()
    assert registry.model_types() == ()


def test_decision_runs_nothing_even_if_trusted(source, revision, marker):
    """Code runs when a class is loaded, and not before."""
    from config_core import open_checkpoint

    checkpoint = open_checkpoint(source, revision=revision)
    for trust in (None, False, True):
        load = CodeLoad.of_checkpoint(checkpoint, trust_remote_code=trust)
        decision = REMOTE_CODE_SERVICE.decide(load, "AutoModel")
        assert decision.trusted is bool(trust)
    assert not marker.exists()


def test_models_of_a_trusted_config_are_not_trusted_with_it(source, revision, marker):
    """A config that was loaded with trust gives its models none."""
    config = AutoConfig.from_pretrained(source, revision=revision, trust_remote_code=True)
    before = marker.read_text(encoding="utf-8")
    for trust in (None, False):
        with pytest.raises(RemoteCodeRefusedError):
            AutoModel.from_config(config, trust_remote_code=trust)
        with pytest.raises(RemoteCodeRefusedError):
            AutoModel.from_pretrained(source, config=config, trust_remote_code=trust)
    assert marker.read_text(encoding="utf-8") == before


def test_trust_of_one_load_is_not_that_of_the_next(source, revision, marker):
    """True is about this call, and not about the process."""
    AutoModel.from_pretrained(source, revision=revision, trust_remote_code=True)
    before = marker.read_text(encoding="utf-8")
    with pytest.raises(RemoteCodeRefusedError):
        AutoModel.from_pretrained(source)
    assert marker.read_text(encoding="utf-8") == before


def test_refusal_is_what_people_catch_already(source):
    """Who comes from transformers catches ValueError, and who knows systems PermissionError."""
    for builtin in (ValueError, PermissionError, OSError):
        with pytest.raises(builtin, match="is not trusted") as caught:
            AutoModel.from_pretrained(source)
        assert isinstance(caught.value, RemoteCodeRefusedError)


@pytest.mark.parametrize("trust", ["true", 1, "False"])
def test_trust_is_a_truth_value(source, marker, trust):
    """A string out of some settings file is not an answer, not even the right one."""
    with pytest.raises(TypeError, match="trust_remote_code must be True, False or None"):
        AutoModel.from_pretrained(source, trust_remote_code=trust)
    assert not marker.exists()


def test_config_cannot_grant_trust(tmp_path, marker):
    """A key named like the option is data."""
    files = tiny_checkpoints.files(marker=marker) | {
        "config.json": tiny_checkpoints.config_json(trust_remote_code=True)
    }
    folder = tiny_checkpoints.write(tmp_path / "saved", files)
    with pytest.raises(Exception, match="trust"):
        AutoModel.from_pretrained(folder)
    assert not marker.exists()


def test_refusal_lists_files_digests_and_what_to_call(hub):
    """Whoever is refused can read what would run, and pin exactly that."""
    import hashlib

    files = tiny_checkpoints.files()
    sha = hub.create_repo("stranger/tiny", files)
    with pytest.raises(RemoteCodeRefusedError) as caught:
        AutoModel.from_pretrained("stranger/tiny")
    error, text = caught.value, str(caught.value)
    assert isinstance(error, PermissionError)
    for name in ("configuration_tiny.py", "modeling_tiny.py"):
        assert f"sha256:{hashlib.sha256(files[name].encode()).hexdigest()}  {name}" in text
    assert f"revision={sha!r}, trust_remote_code=True" in text
    assert (error.source, set(error.bundle.files)) == ("stranger/tiny", {"configuration_tiny.py", "modeling_tiny.py"})


def test_refusal_of_a_folder_names_the_folder(tmp_path):
    """No address of the Hub stands in for a path."""
    folder = tiny_checkpoints.write(tmp_path / "saved", tiny_checkpoints.files())
    with pytest.raises(RemoteCodeRefusedError) as caught:
        AutoConfig.from_pretrained(folder)
    assert str(folder) in str(caught.value)
    assert "revision=" not in str(caught.value)


def test_refusal_survives_code_that_cannot_be_listed(tmp_path):
    """Broken code is refused like any other, and the error says that it is broken."""
    files = tiny_checkpoints.files({"modeling_tiny.py": "def broken(:"})
    folder = tiny_checkpoints.write(tmp_path / "saved", files)
    with pytest.raises(RemoteCodeRefusedError, match=r"cannot be listed.*modeling_tiny.py, line 1") as caught:
        AutoModel.from_pretrained(folder)
    assert caught.value.bundle is None
