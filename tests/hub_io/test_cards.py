"""The model card of a push: its metadata, how it says to load the checkpoint, and what it says must be installed."""

from __future__ import annotations

import json

import pytest
import yaml

from config_core.code import BASE_FILE, portable_files
from hub_io import HUB_SERVICE, PushRefusedError
from tiny_checkpoints import write

METADATA = {
    "pipeline_tag": "image-classification",
    "license": "apache-2.0",
    "language": ["en", "no"],
    "base_model": "me/base",
    "library_name": "timm",
}
CONFIG = {"model_type": "tiny", "architectures": ["TinyModel"], "auto_map": {"AutoModel": "modeling_tiny.TinyModel"}}
MINE = "---\nlicense: mit  # ours\nlanguage:\n- de\n---\n\nMine.\n"


@pytest.fixture
def push(hub, tmp_path):
    """Return a function that pushes a folder and returns the card in the repository."""

    def push(files=(), /, **options):
        content = {"config.json": json.dumps(CONFIG), "model.safetensors": "weights", **dict(files)}
        for name, text in content.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        HUB_SERVICE.publish(tmp_path, "me/tiny", token=hub.token("me"), **options)
        return hub.files("me/tiny")["README.md"].decode()

    return push


def metadata_of(card):
    """Return the metadata of a card."""
    return yaml.safe_load(card.split("---\n")[1])


def test_metadata_that_is_given_is_in_a_new_card(push):
    """Beside the tags, and in place of the library's own name."""
    assert metadata_of(push(**METADATA)) == {**METADATA, "tags": ["custom_code", "tiny"]}


def test_later_pushes_keep_what_they_do_not_give(push):
    """Nobody has to repeat the license."""
    card = push(**METADATA)
    assert push() == card
    changed = push(license="mit", tags=["new"])
    assert metadata_of(changed) == {**METADATA, "license": "mit", "tags": ["custom_code", "tiny", "new"]}


def test_text_that_people_wrote_is_not_touched(hub, push):
    """The entry that is given changes, and no other byte; None gives nothing."""
    hub.create_repo("me/tiny", {"README.md": MINE})
    assert push(license=None) == MINE
    assert push(license="mit", language="de") == MINE
    assert push(license="apache-2.0") == MINE.replace("mit", "apache-2.0")
    assert push(base_model="me/base") == MINE.replace("mit", "apache-2.0").replace(
        "- de\n", "- de\nbase_model: me/base\n"
    )


# Before and after setting `license: mit`.
CARDS = {
    "another text": ("---\nlicense: bsd   # ours\na: 1\n---\nT.\n", "---\nlicense: mit   # ours\na: 1\n---\nT.\n"),
    "in quotes": ("---\nlicense: 'bsd'\n---\n", "---\nlicense: mit\n---\n"),
    "a list": ("---\nlicense:\n- bsd\n- gpl  # b\n# own\na: 1\n---\n", "---\nlicense: mit  # b\n# own\na: 1\n---\n"),
    "a list in one line": ("---\nlicense: [bsd]\na: 1\n---\n", "---\nlicense: mit\na: 1\n---\n"),
    "nothing": ("---\nlicense:\na: 1\n---\n", "---\nlicense: mit\na: 1\n---\n"),
    "nothing at the end": ("---\na: 1\nlicense:\n---\n", "---\na: 1\nlicense: mit\n---\n"),
    "null": ("---\nlicense: ~\n---\n", "---\nlicense: mit\n---\n"),
    "a block of text": ("---\nlicense: |\n  bsd\na: 1\n---\n", "---\nlicense: mit\na: 1\n---\n"),
    "not there": ("---\na: 1\n---\n", "---\na: 1\nlicense: mit\n---\n"),
    "indented": ("---\n  a: 1\n---\n", "---\n  a: 1\n  license: mit\n---\n"),
    "no metadata": ("# Mine\n", "---\nlicense: mit\n---\n\n# Mine\n"),
    "empty metadata": ("---\n\n---\n# Mine\n", "---\nlicense: mit\n---\n# Mine\n"),
    "lines of Windows": ("---\r\nlicense: bsd\r\na: 1\r\n---\r\n", "---\r\nlicense: mit\r\na: 1\r\n---\r\n"),
    "a blank before the colon": ("---\nlicense : bsd\n---\n", "---\nlicense : mit\n---\n"),
    "a quoted name": ('---\n"license": bsd\n---\n', '---\n"license": mit\n---\n'),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Warnings while validating metadata")
@pytest.mark.parametrize("name", CARDS)
def test_one_entry_of_a_card_changes(hub, push, name):
    """Comments, quotes, order and line ends of the others are the author's; saying it again is no change."""
    before, after = CARDS[name]
    hub.create_repo("me/tiny", {"README.md": before})
    assert push(license="mit") == after
    assert push(license="mit") == after


REFUSED = {
    "an alias": "---\na: &a bsd\nlicense: *a\n---\n",
    "an anchor that others use": "---\nlicense: &a bsd\na: *a\n---\n",
    "braces": "---\n{license: bsd}\n---\n",
    "merged in": "---\nbase: &b\n  license: bsd\n<<: *b\n---\n",
    "a block that does not end": "---\nlicense: bsd\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_entry_that_cannot_be_changed_alone_is_left(hub, push, name):
    """The error says why, and the card on the Hub stays."""
    hub.create_repo("me/tiny", {"README.md": REFUSED[name]})
    with pytest.raises(PushRefusedError, match=r"license cannot be set in the model card README\.md of 'me/tiny'"):
        push(license="mit")
    assert hub.files("me/tiny")["README.md"].decode() == REFUSED[name]


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({"license": 3}, TypeError),
        ({"license": ["mit"]}, TypeError),
        ({"pipeline_tag": True}, TypeError),
        ({"pipeline_tag": b"text"}, TypeError),
        ({"language": {"en"}}, TypeError),
        ({"language": ["en", 3]}, TypeError),
        ({"base_model": {"me/base": 1}}, TypeError),
        ({"base_model": b"me/base"}, TypeError),
        ({"library_name": ""}, ValueError),
        ({"license": "mit\ntags: [x]"}, ValueError),
        ({"language": ["en", "\ud800"]}, ValueError),
        ({"licence": "mit"}, TypeError),
    ],
)
def test_wrong_metadata_is_refused_before_anything_is_sent(hub, push, metadata, error):
    """The error names the option and what was given."""
    with pytest.raises(error, match=next(iter(metadata))):
        push(**metadata)
    assert not hub.requests


def test_metadata_that_the_hub_refuses_creates_no_repository(hub, push):
    """Its own message is shown."""
    with pytest.raises(PushRefusedError, match='"license" must be one of'):
        push(license="mine alone")
    assert not [request for request in hub.requests if "/repos/create" in request.path]


CODE = """
import json
import absent_module
import cv2
import odd_module.part
import shared_module
import torch
import transformers
import yaml
from .beside import x
from model_core import PreTrainedModel
try:
    import scipy
except ImportError:
    scipy = None
"""


def test_card_names_the_distributions_that_the_code_needs(push, tmp_path, monkeypatch):
    """By their own names where those are known, with versions; what may be missing or comes along is left out."""
    installed = {}
    for name, module in {"Odd_Name": "odd_module", "one": "shared_module", "two": "shared_module"}.items():
        installed[f"{name}-1.2.dist-info/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n"
        installed[f"{name}-1.2.dist-info/top_level.txt"] = module
    monkeypatch.syspath_prepend(write(tmp_path.parent / "installed", installed))
    card = push({"modeling_tiny.py": CODE, "beside.py": "x = 1"})
    ours = "pip install pretrained-config-core pretrained-auto-registry pretrained-hub-io pretrained-model-core"
    assert f"{ours} Odd_Name PyYAML opencv-python\n" in card
    assert "Odd_Name 1.2, PyYAML " in card
    assert "It also imports `absent_module`, `shared_module`: install" in card
    assert "scipy" not in card
    assert "from transformers" not in card


WITHOUT_CODE = {"model_type": "offered-tiny", "architectures": ["TinyModel"]}


def test_card_says_that_the_code_is_not_in_the_repository(push):
    """Without the classes, the call that the card shows is an error for everybody else."""
    assert "The code of `TinyModel` is not in this repository" in push({"config.json": json.dumps(WITHOUT_CODE)})


def test_card_installs_the_package_that_offers_the_classes(push, tmp_path, monkeypatch):
    """And loads with the Auto class for which it offers the class that was saved."""
    offers = (
        "[auto_registry.configs]\noffered-tiny = tiny_package:TinyConfig\n"
        "[auto_registry.models]\nAutoModel.offered-tiny = tiny_package:Base\n"
        "AutoModelForImageClassification.offered-tiny = tiny_package:TinyModel\n"
    )
    installed = {
        "tiny_package-1.2.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny-package\nVersion: 1.2\n",
        "tiny_package-1.2.dist-info/entry_points.txt": offers,
    }
    monkeypatch.syspath_prepend(write(tmp_path.parent / "offering", installed))
    card = push({"config.json": json.dumps(WITHOUT_CODE)})
    assert "pretrained-model-core tiny-package\n" in card
    assert 'model = AutoModelForImageClassification.from_pretrained("me/tiny")' in card
    assert "not in this repository" not in card


BASE = portable_files({"a.py": b"import config_core"})[BASE_FILE].decode()


@pytest.mark.parametrize("name", ["AutoModelForTalking", "not a name()"])
def test_card_defines_an_auto_class_of_the_authors_own(push, name):
    """No other one loads the checkpoint. A name that is not one in Python is not for a text that people copy."""
    auto_map = {"AutoConfig": "modeling_tiny.TinyConfig", name: "modeling_tiny.TinyModel"}
    card = push({"config.json": json.dumps(CONFIG | {"auto_map": auto_map}), "modeling_tiny.py": "", BASE_FILE: BASE})
    is_name = name.isidentifier()
    assert (f"from auto_registry import AutoModelClass\n\n\nclass {name}(AutoModelClass):\n" in card) == is_name
    assert (f'model = {name}.from_pretrained("me/tiny", revision=' in card) == is_name
    assert ("import AutoModel\n" in card) != is_name


def test_card_of_portable_code_says_what_transformers_needs(push):
    """The same lines with the other library, and what that needs."""
    card = push({"modeling_tiny.py": "import yaml\nfrom .pretrained_base import PreTrainedModel", BASE_FILE: BASE})
    assert 'pip install "transformers>=5" torch PyYAML\n' in card
    for library in ("auto_registry", "transformers"):
        assert f"from {library} import AutoModel\n\nmodel = AutoModel.from_pretrained(" in card
    assert "may take a model of its own" in card


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (CONFIG | {"model_type": "resnet"}, "Without `trust_remote_code=True`, transformers takes its own ResNet"),
        ({"model_type": "resnet"}, "Transformers takes its own ResNet"),
    ],
)
def test_card_of_a_resnet_warns_of_the_one_in_transformers(push, config, sentence):
    """Its weights would be random, and nothing would fail."""
    assert sentence in push({"config.json": json.dumps(config), BASE_FILE: BASE})


def test_metadata_of_megabytes_is_refused_at_once(hub, tmp_path):
    """Somebody else may have written the card, and reading it as YAML would take minutes."""
    hub.create_repo("me/tiny", {"README.md": "---\n" + "a: [1, 2]\n" * 500_000 + "---\n"})
    write(tmp_path, {"config.json": json.dumps(CONFIG)})
    with pytest.raises(PushRefusedError, match="more than 200,000 characters"):
        HUB_SERVICE.publish(tmp_path, "me/tiny", token=hub.token("me"), license="mit")


def test_file_with_the_name_of_the_base_classes_makes_no_code_portable(push):
    """Its content may be anything, and transformers would run it."""
    card = push({"modeling_tiny.py": "from .pretrained_base import PreTrainedModel", BASE_FILE: f"{BASE}\n"})
    assert "transformers" not in card
