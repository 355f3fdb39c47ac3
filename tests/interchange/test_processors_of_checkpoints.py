"""`load_into_transformers` registers the tokenizers and processors that a checkpoint ships, too."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys

import pytest
import torch

from auto_registry import AutoConfig
from auto_registry.errors import RegistrationError
from hub_io import NoRemoteCodeError, RemoteCodeRefusedError, TrustEntry, TrustFile, load_into_transformers
from hub_io_command import hub_io
from tiny_checkpoints import write

transformers = pytest.importorskip("transformers", reason="needs the dependency group `peers`")

pytestmark = pytest.mark.usefixtures("new_places")

CONFIGURATION = """
from transformers import PretrainedConfig


class LetterConfig(PretrainedConfig):
    model_type = "MODEL_TYPE"
"""
TOKENIZATION = """
import json
import os

from transformers import PreTrainedTokenizer


class LetterTokenizer(PreTrainedTokenizer):
    vocab_files_names = {"vocab_file": "letters.json"}
    model_input_names = ["input_ids"]

    def __init__(self, vocab_file, **kwargs):
        with open(vocab_file) as file:
            self.letters = json.load(file)
        super().__init__(**kwargs)

    @property
    def vocab_size(self):
        return len(self.letters)

    def get_vocab(self):
        return {letter: number for number, letter in enumerate(self.letters)}

    def _tokenize(self, text):
        return list(text)

    def build_inputs_with_special_tokens(self, token_ids_0, token_ids_1=None):
        return token_ids_0

    def _convert_token_to_id(self, token):
        return self.letters.index(token)

    def _convert_id_to_token(self, index):
        return self.letters[index]

    def save_vocabulary(self, save_directory, filename_prefix=None):
        path = os.path.join(save_directory, "letters.json")
        with open(path, "w") as file:
            json.dump(self.letters, file)
        return (path,)
"""
PROCESSING = """
from transformers import FeatureExtractionMixin, ProcessorMixin


class LetterFeatures(FeatureExtractionMixin):
    def __init__(self, scale=3, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def __call__(self, values):
        return [value * self.scale for value in values]


class LetterProcessor(ProcessorMixin):
    attributes = ["feature_extractor", "tokenizer"]
    feature_extractor_class = "AutoFeatureExtractor"
    tokenizer_class = "AutoTokenizer"

    def __init__(self, feature_extractor, tokenizer, **kwargs):
        super().__init__(feature_extractor, tokenizer, **kwargs)
"""
TOKENIZER = {
    "tokenizer_class": "LetterTokenizer",
    "auto_map": {"AutoTokenizer": ["tokenization_letter.LetterTokenizer", None]},
}
FEATURES = {
    "feature_extractor_type": "LetterFeatures",
    "processor_class": "LetterProcessor",
    "scale": 5,
    "auto_map": {
        "AutoFeatureExtractor": "processing_letter.LetterFeatures",
        "AutoProcessor": "processing_letter.LetterProcessor",
    },
}


@pytest.fixture
def files(request):
    """The files of a checkpoint whose names no other test registers."""
    mark = "".join(part.title() for part in re.findall(r"[a-zA-Z]+", request.node.name))
    content = {
        "config.json": json.dumps(
            {"model_type": mark, "auto_map": {"AutoConfig": "configuration_letter.LetterConfig"}}
        ),
        "configuration_letter.py": CONFIGURATION,
        "tokenization_letter.py": TOKENIZATION,
        "processing_letter.py": PROCESSING,
        "tokenizer_config.json": json.dumps(TOKENIZER),
        "preprocessor_config.json": json.dumps(FEATURES),
        "letters.json": '["a", "b", "c"]',
    }
    return {
        name: text.replace("MODEL_TYPE", mark).replace("Letter", mark).replace("_letter.", "_letter.")
        for name, text in content.items()
    }


@pytest.fixture
def source(files, tmp_path):
    """The checkpoint in a folder."""
    return write(tmp_path / "saved", files)


def test_auto_classes_of_transformers_use_them_without_trust_of_their_own(source):
    """The tokenizer, the feature extractor, and the processor that has both."""
    with pytest.raises(ValueError, match="trust_remote_code"):
        transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    report = load_into_transformers(source, trust_remote_code=True)
    assert sorted(report.processing_classes) == ["AutoFeatureExtractor", "AutoProcessor", "AutoTokenizer"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(source)
    assert type(tokenizer) is report.processing_classes["AutoTokenizer"]
    assert tokenizer("cab")["input_ids"] == [2, 0, 1]
    features = transformers.AutoFeatureExtractor.from_pretrained(source)
    assert type(features) is report.processing_classes["AutoFeatureExtractor"]
    processor = transformers.AutoProcessor.from_pretrained(source)
    assert type(processor) is report.processing_classes["AutoProcessor"]
    assert (type(processor.tokenizer), processor.feature_extractor([2])) == (type(tokenizer), [10])


IMAGES = """
from transformers import BaseImageProcessor


class LetterImages(BaseImageProcessor):
    def __init__(self, size=8, **kwargs):
        super().__init__(**kwargs)
        self.size = size
"""


@pytest.mark.parametrize("reference", ["a text", "a list", "backends"])
def test_image_processor_serves_every_backend(source, files, reference):
    """In whichever way the file names it, and after another revision has taken its place."""
    name = json.loads(files["tokenizer_config.json"])["tokenizer_class"].replace("Tokenizer", "Images")
    text = f"image_processing_letter.{name}"
    auto_map = {"a text": text, "a list": [text, None], "backends": {"pil": text, "torchvision": None}}[reference]
    values = {"image_processor_type": name, "size": 5, "auto_map": {"AutoImageProcessor": auto_map}}
    write(source, {"preprocessor_config.json": json.dumps(values), "tokenizer_config.json": "{}"})
    code = IMAGES.replace("LetterImages", name)
    for revision in (code, f"{code}\n# changed\n"):
        write(source, {"image_processing_letter.py": revision})
        report = load_into_transformers(source, trust_remote_code=True, exist_ok=True)
        for options in ({}, {"backend": "pil"}, {"backend": "torchvision"}):
            loaded = transformers.AutoImageProcessor.from_pretrained(source, **options)
            assert type(loaded) is report.processing_classes["AutoImageProcessor"]
            assert loaded.size == 5


def test_repository_works_as_a_folder_does(files, hub):
    """At the commit that was trusted."""
    commit = hub.create_repo("me/letters", files)
    load_into_transformers("me/letters", revision=commit, trust_remote_code=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained("me/letters", revision=commit)
    assert tokenizer("cab")["input_ids"] == [2, 0, 1]


def test_their_code_is_trusted_apart(source, tmp_path):
    """What our own loads run is the code of config and models, as before; the command shows and trusts the other."""
    trusted = TrustFile(tmp_path / "hub-code.lock")
    with pytest.raises(RemoteCodeRefusedError) as caught:
        AutoConfig.from_pretrained(source)
    assert list(caught.value.bundle.files) == ["configuration_letter.py"]
    trusted.add(TrustEntry.of(caught.value.bundle, source=str(source), commit=None))
    AutoConfig.from_pretrained(source)
    with pytest.raises(RemoteCodeRefusedError, match=r"hub-io trust \S+ --for-transformers") as caught:
        load_into_transformers(source)
    assert sorted(caught.value.bundle.files) == ["processing_letter.py", "tokenization_letter.py"]
    shown = hub_io("inspect", str(source), "--for-transformers")
    assert "tokenization_letter.py" in shown.out
    done = hub_io("trust", str(source), "--for-transformers", "--yes")
    assert done.exit_code == 0, done.err
    assert load_into_transformers(source).processing_classes


def test_all_or_none_are_registered(source, files):
    """A processor that transformers would not take keeps config and tokenizer out."""
    config = json.loads(files["preprocessor_config.json"])
    config["auto_map"]["AutoImageProcessor"] = config["auto_map"]["AutoFeatureExtractor"]
    write(source, {"preprocessor_config.json": json.dumps(config)})
    with pytest.raises(RegistrationError, match=r"is not a subclass of transformers\.BaseImageProcessor"):
        load_into_transformers(source, trust_remote_code=True)
    assert json.loads(files["config.json"])["model_type"] not in transformers.CONFIG_MAPPING


def test_two_revisions_stand_side_by_side(source, files):
    """Objects keep their class; a load takes the one that was registered last, and replacing has to be asked for."""
    first = load_into_transformers(source, trust_remote_code=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(source)
    changed = {name: text.replace("* self.scale", "* -self.scale") for name, text in files.items()}
    changed["tokenization_letter.py"] += "\n# changed\n"
    changed["configuration_letter.py"] += "\n# changed\n"
    write(source, changed)
    with pytest.raises(RegistrationError, match="exist_ok=True"):
        load_into_transformers(source, trust_remote_code=True)
    assert transformers.AutoProcessor.from_pretrained(source).feature_extractor([2]) == [10]
    second = load_into_transformers(source, trust_remote_code=True, exist_ok=True)
    assert transformers.AutoProcessor.from_pretrained(source).feature_extractor([2]) == [-10]
    assert type(transformers.AutoTokenizer.from_pretrained(source)) is second.processing_classes["AutoTokenizer"]
    assert type(tokenizer) is first.processing_classes["AutoTokenizer"]


@pytest.mark.parametrize("exist_ok", [False, True])
def test_name_that_transformers_itself_has_is_not_taken_unasked(source, files, exist_ok):
    """It would be used for every checkpoint that names it."""
    name = json.loads(files["tokenizer_config.json"])["tokenizer_class"]
    write(source, {file: text.replace(name, "BertTokenizer") for file, text in files.items()})
    if not exist_ok:
        with pytest.raises(RegistrationError, match="The name BertTokenizer"):
            load_into_transformers(source, trust_remote_code=True)
        return
    found = transformers.models.auto.tokenization_auto
    held = dict(found.REGISTERED_TOKENIZER_CLASSES)
    try:
        report = load_into_transformers(source, trust_remote_code=True, exist_ok=True)
        assert type(transformers.AutoTokenizer.from_pretrained(source)) is report.processing_classes["AutoTokenizer"]
    finally:
        found.REGISTERED_TOKENIZER_CLASSES.clear()
        found.REGISTERED_TOKENIZER_CLASSES.update(held)


def test_processor_that_transformers_would_not_find_is_refused(source, files):
    """It looks for its own class of that name first, also with `exist_ok`."""
    name = json.loads(files["preprocessor_config.json"])["processor_class"]
    write(source, {file: text.replace(name, "CLIPProcessor") for file, text in files.items()})
    with pytest.raises(RegistrationError, match=r"The name CLIPProcessor .*Rename the class"):
        load_into_transformers(source, trust_remote_code=True, exist_ok=True)


def test_tokenizer_alone_needs_a_config_class(source):
    """It is registered for one, and there is none."""
    write(source, {"config.json": '{"model_type": "nobody_knows"}'})
    with pytest.raises(RegistrationError, match="neither ships one"):
        load_into_transformers(source, trust_remote_code=True)
    write(source, {"config.json": '{"model_type": "nobody_knows"}', "tokenizer_config.json": "{}"})
    write(source, {"preprocessor_config.json": "{}"})
    with pytest.raises(NoRemoteCodeError):
        load_into_transformers(source, trust_remote_code=True)


def test_tokenizer_is_pickled_and_goes_to_other_processes(source):
    """By the digest of its code; a process that was started by this one may run it."""
    load_into_transformers(source, trust_remote_code=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(source)
    assert type(pickle.loads(pickle.dumps(tokenizer))) is type(tokenizer)
    program = "import sys, pickle; print(pickle.load(sys.stdin.buffer)('cab')['input_ids'])"
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, input=pickle.dumps(tokenizer), capture_output=True, timeout=100
    )
    assert done.stdout == b"[2, 0, 1]\n", done.stderr.decode()


def test_save_by_transformers_has_their_code(source, tmp_path):
    """So that the saved folder loads with trust where nothing was registered."""
    load_into_transformers(source, trust_remote_code=True)
    transformers.AutoProcessor.from_pretrained(source).save_pretrained(tmp_path / "again")
    for name in ("tokenization_letter.py", "processing_letter.py"):
        assert (tmp_path / "again" / name).read_bytes() == (source / name).read_bytes()
    saved = json.loads((tmp_path / "again" / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert saved["auto_map"]["AutoTokenizer"][0].startswith("tokenization_letter.")


def test_parts_of_a_processor_that_transformers_has_saved_are_found(source, tmp_path):
    """Version 5 writes them into one file, each with an `auto_map` of its own."""
    load_into_transformers(source, trust_remote_code=True)
    again = tmp_path / "again"
    transformers.AutoProcessor.from_pretrained(source).save_pretrained(again)
    assert not (again / "preprocessor_config.json").exists()
    for name in ("config.json", "configuration_letter.py"):
        (again / name).write_bytes((source / name).read_bytes())
    report = load_into_transformers(again, trust_remote_code=True, exist_ok=True)
    assert sorted(report.processing_classes) == ["AutoFeatureExtractor", "AutoProcessor", "AutoTokenizer"]
    features = transformers.AutoProcessor.from_pretrained(again).feature_extractor
    assert type(features) is report.processing_classes["AutoFeatureExtractor"]


VIDEOS = """
from transformers.video_processing_utils import BaseVideoProcessor


class LetterVideos(BaseVideoProcessor):
    do_resize = do_normalize = do_convert_rgb = False
    do_rescale = True
    rescale_factor = 0.5
"""


def test_video_processor_computes_with_its_settings(source, files):
    """It is registered, found without trust of transformers' own, and saved with its code."""
    name = json.loads(files["tokenizer_config.json"])["tokenizer_class"].replace("Tokenizer", "Videos")
    auto_map = {"AutoVideoProcessor": f"video_processing_letter.{name}"}
    values = {"video_processor_type": name, "rescale_factor": 0.25, "auto_map": auto_map}
    write(
        source, {"video_processing_letter.py": VIDEOS.replace("LetterVideos", name), "preprocessor_config.json": "{}"}
    )
    write(source, {"video_preprocessor_config.json": json.dumps(values)})
    report = load_into_transformers(source, trust_remote_code=True)
    processor = transformers.AutoVideoProcessor.from_pretrained(source)
    assert type(processor) is report.processing_classes["AutoVideoProcessor"]
    pixels = processor([torch.ones(2, 3, 4, 4)], return_tensors="pt")["pixel_values_videos"]
    assert (pixels.shape, pixels.unique().tolist()) == ((1, 2, 3, 4, 4), [0.25])
    assert type(pickle.loads(pickle.dumps(processor))) is type(processor)
    processor.save_pretrained(source.parent / "again")
    assert (source.parent / "again" / "video_processing_letter.py").is_file()
