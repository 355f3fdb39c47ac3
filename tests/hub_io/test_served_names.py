"""Code that says `from transformers import …` gets the names that these packages serve, and nothing else."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import traceback

import pytest

from auto_registry import AutoConfig, AutoModel, Registry
from config_core.code import bundle_of, served_names_of
from config_core.config import PretrainedConfig
from hub_io import RemoteCodeImportError, UnservedNamesError, load_into_registry
from hub_io_command import hub_io as hub_io_command
from tiny_checkpoints import CONFIGURATION, MODELING, config_json, files, write

THEIR_CONFIGURATION = CONFIGURATION.replace("from config_core import", "from transformers import")


def load(tmp_path, head="", *, model_head="", auto=AutoConfig):
    """Write a checkpoint whose config was written for transformers, and load it with trust."""
    changed = {
        "configuration_tiny.py": f"{head}\n{THEIR_CONFIGURATION}",
        "modeling_tiny.py": f"{model_head}\n{MODELING}",
    }
    return auto.from_pretrained(write(tmp_path / "saved", files(changed)), trust_remote_code=True)


def printed_by(program):
    """Return what a program prints in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, encoding="utf-8", timeout=100
    ).stdout


def test_config_of_transformers_is_a_config(tmp_path):
    """The base class is served, so that the Auto classes take the config for what it is."""
    config = load(tmp_path)
    assert isinstance(config, PretrainedConfig)
    assert config.size == 2


def test_transformers_is_not_put_into_the_process(tmp_path):
    """Only the code of the checkpoint sees the served names."""
    before = sys.modules.get("transformers")
    load(tmp_path, "import transformers\nfrom transformers.utils import logging")
    assert sys.modules.get("transformers") is before


FLASH_ATTENTION = """
from transformers.utils import is_flash_attn_2_available as is_there
if is_there():
    from transformers.modeling_flash_attention_utils import _flash_attention_forward
"""
HARD = """
from transformers import GenerationMixin, PretrainedConfig
from transformers.models.bert.modeling_bert import BertModel
"""


def test_all_names_that_are_not_served_are_listed_before_anything_runs(tmp_path):
    """One error has file, line and name of each, and the function that serves them elsewhere."""
    with pytest.raises(UnservedNamesError) as caught:
        load(tmp_path, f"open({str(tmp_path / 'ran')!r}, 'w').close()", model_head=HARD, auto=AutoModel)
    message = str(caught.value)
    assert "modeling_tiny.py line 2: transformers.GenerationMixin;" in message
    assert "modeling_tiny.py line 3: transformers.models.bert.modeling_bert.BertModel" in message
    assert "hub_io.load_into_transformers()" in message
    assert caught.value.names["modeling_tiny.py:2"] == ("transformers.GenerationMixin",)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "head",
    [
        "from transformers import GenerationMixin",
        "from transformers.cache_utils import DynamicCache",
        "from transformers import PretrainedConfig, AutoTokenizer",
        "from transformers import *",
        "import transformers.models",
        "import transformers.generation as generation",
        "import json, transformers.trainer",
        "import transformers\nclass Cache(transformers.Cache): pass",
        "import transformers as t\nCACHE = t.cache_utils.DynamicCache",
        "from transformers import utils\nDEFAULT = utils.cached_file",
        "import transformers\n@transformers.no_such_decorator\ndef f(): pass",
        "class A:\n    from transformers import GenerationMixin",
        "try:\n    from transformers import GenerationMixin\nexcept ValueError:\n    pass",
        "try:\n    from transformers import GenerationMixin\nfinally:\n    pass",
        "from transformers.utils.logging import no_such_function",
        "import importlib\nBERT = importlib.import_module('transformers.models.bert')",
        "from importlib import import_module as load\nload('transformers.generation')",
        "__import__('transformers.cache_utils')",
    ],
)
def test_name_that_is_certainly_used_is_refused(tmp_path, head):
    """However it is imported: as a name, as a module, as all names, or as an attribute of a module."""
    with pytest.raises(UnservedNamesError) as caught:
        load(tmp_path, f"{head}\nopen({str(tmp_path / 'ran')!r}, 'w').close()")
    assert len(caught.value.names) == 1
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "head",
    [
        "try:\n    from transformers import GenerationMixin\nexcept ImportError:\n    GenerationMixin = None",
        "try:\n    import transformers.cache_utils\nexcept ModuleNotFoundError:\n    pass",
        "try:\n    from transformers import *\nexcept ImportError:\n    pass",
        "try:\n    import transformers\n    transformers.Cache\nexcept (AttributeError, ImportError):\n    pass",
        "def f():\n    from transformers import AutoTokenizer",
        "import transformers\ndef f(x):\n    return transformers.AutoTokenizer",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from transformers import Cache",
        FLASH_ATTENTION,
        "import transformers\nassert not hasattr(transformers, 'Cache')",
        "import transformers\nmake = lambda: transformers.Cache",
        "import transformers\nassert getattr(transformers.utils, 'cached_file', None) is None",
        "from __future__ import annotations\nimport transformers\ndef f(x: transformers.Cache) -> None: pass",
        "import importlib\ntry:\n    importlib.import_module('transformers.generation')\nexcept ImportError:\n    pass",
        "import importlib\ndef f():\n    return importlib.import_module('transformers.generation')",
        "import importlib\nf = lambda: importlib.import_module('transformers.generation')",
    ],
)
def test_name_that_may_be_missing_is_missing(tmp_path, head):
    """In a `try`, a function or under a condition it is an ImportError or AttributeError, as authors expect."""
    assert load(tmp_path, head).size == 2


@pytest.mark.parametrize(
    "head",
    [
        "import transformers\nassert transformers.PretrainedConfig is PretrainedConfig",
        "import transformers as t\nassert t.utils.logging is t.logging",
        "import transformers.utils.logging\nassert transformers.utils.logging.get_logger(__name__).warning_once",
        "import transformers.utils.logging as log\nassert log.get_logger(__name__).name == __name__",
        "import os, transformers.utils, sys\nassert (os, sys, transformers.utils.is_torch_available)",
        "from transformers import utils as u\nassert u.logging.WARNING == 30",
        "from transformers.utils.logging import get_logger\nget_logger('x').info_once('y')",
        "from transformers.configuration_utils import PreTrainedConfig\nassert PreTrainedConfig is PretrainedConfig",
        "from importlib import import_module\nassert import_module('transformers.utils').logging",
        "import importlib\nassert importlib.import_module('transformers').PretrainedConfig is PretrainedConfig",
        "from transformers import __version__\nassert __version__.startswith('4.')",
        "def f():\n    import transformers\n    return transformers.PretrainedConfig\nassert f() is PretrainedConfig",
        "class A:\n    import transformers\nassert A.transformers.PretrainedConfig is PretrainedConfig",
        "if True:\n    from transformers import PretrainedConfig as Base\nassert Base is PretrainedConfig",
        "from transformers.utils import (\n    CONFIG_NAME,\n    WEIGHTS_NAME,\n)\nassert CONFIG_NAME == 'config.json'",
        "import transformers; transformers.__name__; transformers.__doc__",
        "from transformers.onnx import OnnxConfig\nclass Export(OnnxConfig):\n    pass",
        "from transformers.integrations.deepspeed import is_deepspeed_zero3_enabled as f\nassert not f()",
        "import importlib.util\nassert importlib.util.find_spec('transformers') is not None",
        "from importlib.util import find_spec as find\nassert find('transformers.utils') is not None",
        "import sys\nassert 'transformers' in sys.modules and 'transformers.hidden' not in sys.modules",
        "import sys\nassert sys.modules['transformers'].PretrainedConfig is PretrainedConfig",
        "import sys\nassert sys.modules.get('transformers', None).PretrainedConfig is PretrainedConfig",
        "from importlib.metadata import version as v\nassert v('transformers').startswith('4.')",
        "import transformers as t, importlib.metadata as m\nassert m.version('transformers') == t.__version__",
    ],
)
def test_every_form_of_import_reaches_the_served_name(tmp_path, head):
    """Statements, aliases, submodules, and calls of `import_module` with the name as text."""
    assert load(tmp_path, f"from transformers import PretrainedConfig\n{head}").size == 2


def test_name_that_is_missed_under_a_condition_is_told_with_its_line(tmp_path):
    """The check before the run cannot know what a condition will be."""
    head = "import json\nif json:\n    from transformers.image_utils import is_pil_image"
    missed = r"failed in configuration_tiny\.py line 3: .*transformers\.image_utils"
    with pytest.raises(RemoteCodeImportError, match=missed):
        load(tmp_path, head)


def test_auto_class_of_code_refuses_what_is_no_config(tmp_path):
    """As the program's own does: the error says what was given."""
    head = "from transformers import AutoModel\nAutoModel.from_config('bert')"
    with pytest.raises(RemoteCodeImportError, match=r"line 2: UsageError: config"):
        load(tmp_path, head)


KEYWORDS = """
from transformers.modeling_flash_attention_utils import FlashAttentionKwargs
from transformers.processing_utils import Unpack
from transformers.utils import TransformersKwargs


class Keywords(FlashAttentionKwargs, TransformersKwargs):
    pass


def forward(x, **kwargs: Unpack[Keywords]):
    return kwargs
"""


def test_keywords_of_newer_code_are_types(tmp_path):
    """They stand in annotations, and may be derived from."""
    module = sys.modules[type(load(tmp_path, KEYWORDS)).__module__]
    assert module.forward(1, output_attentions=True) == {"output_attentions": True}


def test_lines_and_source_are_those_of_the_file(tmp_path):
    """Tracebacks and `inspect` show what was reviewed, also where one statement became two."""
    head = "import transformers.utils, json\nimport inspect\ndef where():\n    raise RuntimeError(transformers)\n"
    cls = type(load(tmp_path, head))
    module = sys.modules[cls.__module__]
    assert inspect.getsource(module).startswith(head)
    assert inspect.getsource(module.where) == "def where():\n    raise RuntimeError(transformers)\n"
    with pytest.raises(RuntimeError) as caught:
        module.where()
    assert traceback.extract_tb(caught.value.__traceback__)[-1].lineno == 4
    assert b"hub_io" not in bundle_of(cls).files["configuration_tiny.py"]


def test_served_names_are_listed_with_what_was_loaded(tmp_path):
    """Whoever registers the classes of a checkpoint sees which names came from here."""
    folder = write(tmp_path / "saved", files({"configuration_tiny.py": THEIR_CONFIGURATION}))
    classes = load_into_registry(folder, trust_remote_code=True, registry=Registry())
    assert classes.served_names == ("transformers.PretrainedConfig",)
    assert served_names_of(classes.config_class) == classes.served_names


def test_code_of_ours_has_no_served_names(tmp_path):
    """Nothing is served to code that does not ask for it."""
    folder = write(tmp_path / "saved", files())
    assert load_into_registry(folder, trust_remote_code=True, registry=Registry()).served_names == ()


def test_inspect_lists_served_names_and_others(tmp_path):
    """The review shows what the names stand for before anything runs."""
    code = "import transformers\ntry:\n    from transformers import GenerationMixin\nexcept ImportError:\n    pass\n"
    folder = write(tmp_path / "saved", files({"configuration_tiny.py": f"{code}{THEIR_CONFIGURATION}"}))
    shown = hub_io_command("inspect", folder).out
    assert "served, whether it is installed or not: transformers, transformers.PretrainedConfig" in shown
    assert "configuration_tiny.py:3  not served: transformers.GenerationMixin (fails if it is reached)" in shown
    values = hub_io_command("inspect", folder, "--json").values
    assert {"name": "transformers.PretrainedConfig", "served": True}.items() <= values["code"][0]["transformers"][
        -1
    ].items()


def test_missing_provider_is_a_missing_requirement(tmp_path):
    """Names that need torch come from pretrained-model-core, which is named if it is not installed."""
    folder = write(
        tmp_path / "saved", files({"modeling_tiny.py": f"from transformers import PreTrainedModel\n{MODELING}"})
    )
    program = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name in {{"model_core", "torch", "transformers"}}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Block())
from auto_registry import AutoConfig, AutoModel
print(AutoConfig.from_pretrained({str(folder)!r}, trust_remote_code=True).size)
try:
    AutoModel.from_pretrained({str(folder)!r}, trust_remote_code=True)
except ImportError as error:
    print(type(error).__name__, error.modules, "pretrained-model-core" in str(error))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, encoding="utf-8", timeout=100
    )
    assert done.stdout.splitlines() == ["2", "MissingRequirementsError ('model_core',) True"], done.stderr


def test_config_loads_without_torch(tmp_path):
    """An environment with hub-io alone reads the config of a model that was written for transformers."""
    folder = write(tmp_path / "saved", files({"configuration_tiny.py": THEIR_CONFIGURATION}))
    program = f"""
import sys
from auto_registry import AutoConfig
AutoConfig.from_pretrained({str(folder)!r}, trust_remote_code=True)
print(sorted({{"torch", "model_core", "transformers", "huggingface_hub"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, encoding="utf-8", timeout=100
    )
    assert done.stdout == "[]\n", done.stderr


LEGACY = """
class LegacyConfig(PretrainedConfig):
    model_type = "tiny"

    def __init__(self, size: str = 1, pad_token_id=0, **kwargs):
        super().__init__(pad_token_id=pad_token_id, **kwargs)
        self.size = size
"""


def legacy_config(tmp_path, **values):
    """Load a config in the style of transformers 4."""
    changed = {
        "config.json": config_json({"AutoConfig": "configuration_tiny.LegacyConfig"}, **values),
        "configuration_tiny.py": THEIR_CONFIGURATION + LEGACY,
    }
    return AutoConfig.from_pretrained(write(tmp_path / "saved", files(changed)), trust_remote_code=True)


def test_generation_settings_of_version_4_are_kept_where_a_file_has_them(tmp_path):
    """Others are read as their defaults there; nothing breaks a load, and the file keeps what it has."""
    settings = {"temperature": 0.3, "max_length": 77, "bad_words_ids": None, "do_sample": False, "num_beams": 1}
    source = write(tmp_path / "saved", files({"configuration_tiny.py": THEIR_CONFIGURATION}))
    path = source / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | settings), encoding="utf-8")
    config = AutoConfig.from_pretrained(source, trust_remote_code=True)
    assert (config.temperature, config.max_length, config.top_k, config.early_stopping) == (0.3, 77, 50, False)
    config.save_pretrained(tmp_path / "again")
    saved = json.loads((tmp_path / "again" / "config.json").read_text(encoding="utf-8"))
    assert {name: saved[name] for name in settings} == settings
    assert "top_k" not in saved


def test_base_fields_of_version_4_are_read_and_never_written(tmp_path):
    """Code reads them without setting them; a file of ours does not gain fields by that."""
    config = legacy_config(tmp_path)
    read = (config.use_return_dict, config.is_decoder, config.use_cache, config.tie_word_embeddings, config.torchscript)
    assert read == (True, False, True, True, False)
    assert (config.bos_token_id, config._attn_implementation, config.pruned_heads) == (None, "eager", {})
    assert config.to_dict().keys() == {"model_type", "size", "pad_token_id"}


def test_a_field_that_no_version_had_is_an_attribute_error(tmp_path):
    """`getattr` with a default and `hasattr` work as they do in Python."""
    config = legacy_config(tmp_path)
    assert getattr(config, "no_such_field", "default") == "default"
    assert not hasattr(config, "no_such_field")


def test_unknown_keywords_are_kept_without_a_warning(tmp_path):
    """Configs of that style live on keywords that no class names; warnings are errors in these tests."""
    config = legacy_config(tmp_path)
    made = type(config)(size=4, anything={"goes": 1}, model_type="another")
    assert made.anything == {"goes": 1}
    assert made.to_dict()["anything"] == {"goes": 1}


def test_annotations_are_not_checked(tmp_path):
    """They were written for a base class that does not check them, and are often wrong."""
    assert legacy_config(tmp_path, size=2).size == 2


def test_served_config_survives_a_round_trip(tmp_path):
    """Saved and loaded again it is equal, and its code is saved as it was."""
    config = legacy_config(tmp_path, further=[1, {"a": None}], num_labels=4)
    config.save_pretrained(tmp_path / "again")
    assert AutoConfig.from_pretrained(tmp_path / "again", trust_remote_code=True) == config
    assert (tmp_path / "again" / "configuration_tiny.py").read_text(encoding="utf-8") == THEIR_CONFIGURATION + LEGACY


def test_names_of_classes_win_over_a_number_that_the_config_passes_on(tmp_path):
    """A default number of classes in the code does not contradict the names in the file."""
    code = LEGACY.replace("super().__init__(", "super().__init__(num_labels=7, ")
    changed = {
        "config.json": config_json(
            {"AutoConfig": "configuration_tiny.LegacyConfig"}, id2label={"0": "a", "1": "b", "2": "c"}
        ),
        "configuration_tiny.py": THEIR_CONFIGURATION + code,
    }
    config = AutoConfig.from_pretrained(write(tmp_path / "saved", files(changed)), trust_remote_code=True)
    assert (config.num_labels, config.id2label) == (3, {0: "a", 1: "b", 2: "c"})


PARTS = """
class PartConfig(PretrainedConfig):
    model_type = "part"

    def __init__(self, width=1):
        super().__init__()
        self.width = width


class WholeConfig(PretrainedConfig):
    model_type = "tiny"
    sub_configs = {"part": PartConfig}

    def __init__(self, part=None, **kwargs):
        super().__init__(**kwargs)
        self.part = PartConfig(**(part or {}))
"""


def test_parts_are_made_by_the_code_itself(tmp_path):
    """`sub_configs` is a hint in transformers: `__init__` gets dicts. A part need not take further keywords."""
    changed = {
        "config.json": config_json({"AutoConfig": "configuration_tiny.WholeConfig"}, part={"width": 7}),
        "configuration_tiny.py": THEIR_CONFIGURATION + PARTS,
    }
    config = AutoConfig.from_pretrained(write(tmp_path / "saved", files(changed)), trust_remote_code=True)
    assert config.part.width == 7
    assert config.to_dict()["part"]["width"] == 7
