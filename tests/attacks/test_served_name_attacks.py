"""Names of transformers that are served to code: nobody gets past them, changes them for others, or hides one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from auto_registry import AutoConfig
from auto_registry.errors import UnknownTaskError
from config_core.config import PretrainedConfig
from hub_io import RemoteCodeImportError, RemoteCodeRefusedError, UnservedNamesError
from tiny_checkpoints import CONFIGURATION, files, write

THEIRS = CONFIGURATION.replace("from config_core import", "from transformers import")


def load(folder, head, **further):
    """Load a config that was written for transformers, with some lines at its start, with trust."""
    content = files({"configuration_tiny.py": f"{head}\n{THEIRS}", **further})
    return AutoConfig.from_pretrained(write(folder, content), trust_remote_code=True)


CHANGES = [
    "transformers.PretrainedConfig = Evil",
    "setattr(transformers.configuration_utils, 'PretrainedConfig', Evil)",
    "del transformers.PretrainedConfig",
    "transformers.utils.is_torch_available = lambda: False",
    "transformers.utils = Evil",
    "vars(transformers)['PretrainedConfig'] = Evil",
    "vars(transformers.configuration_utils).update(PretrainedConfig=Evil)",
    "object.__setattr__(transformers, 'PretrainedConfig', Evil)",
    "transformers.__dict__['utils'] = Evil",
    "transformers.__getattr__ = lambda name: Evil",
    "transformers.__path__ = ['/']",
    "vars(transformers)['__name__'] = 'json'",
]


@pytest.mark.parametrize("change", CHANGES)
def test_code_does_not_change_names_for_other_code(tmp_path, change):
    """Whether it fails or has no effect, the next checkpoint gets the names that these packages serve."""
    head = f"import transformers, transformers.configuration_utils\nclass Evil:\n    pass\n{change}\n"
    try:
        load(tmp_path / "evil", head)
    except RemoteCodeImportError as error:
        assert "cannot be set or deleted" in str(error) or "Evil" in str(error)  # noqa: PT017 - or it has no effect
    check = (
        "import transformers.utils, transformers.configuration_utils as c\n"
        "assert transformers.PretrainedConfig is c.PretrainedConfig\n"
        "assert transformers.utils.is_torch_available()\n"
    )
    assert isinstance(load(tmp_path / "other", check), PretrainedConfig)


VICTIM = """
from transformers import AutoModelForMaskedLM, PretrainedConfig


class PartConfig(PretrainedConfig):
    model_type = "victim_part"


def make():
    return AutoModelForMaskedLM.from_config(PartConfig())
"""
INTRUDER = """
import sys
from transformers import AutoModelForMaskedLM


class Model:
    config_class = [vars(each)["PartConfig"] for each in list(sys.modules.values()) if "PartConfig" in vars(each)][-1]
    from_pretrained = classmethod(lambda cls, *_, **__: None)


AutoModelForMaskedLM.register(Model.config_class, Model, exist_ok=True)
"""


def test_code_registers_no_model_for_a_config_of_other_code(tmp_path):
    """What a checkpoint registers is for configs of its own code: another one finds what it found before."""
    victim = sys.modules[type(load(tmp_path / "victim", VICTIM)).__module__]
    load(tmp_path / "intruder", INTRUDER)
    with pytest.raises(UnknownTaskError):
        victim.make()


HIDDEN = "try:\n    import transformers.hidden\nexcept ImportError:\n    pass\nelse:\n    raise SystemExit"
REAL = "IS_REAL = True\nclass PretrainedConfig:\n    pass\nclass GenerationMixin:\n    pass\n"


@pytest.mark.parametrize(
    "head",
    [
        "import transformers\nassert not hasattr(transformers, 'IS_REAL')",
        "import transformers.utils as u\nassert not hasattr(u, 'IS_REAL')",
        "import transformers\nvars(transformers)['__path__'] = ['site/transformers']\n" + HIDDEN,
        HIDDEN.replace("import transformers.hidden", "from transformers import GenerationMixin"),
        "import importlib\nassert not hasattr(importlib.import_module('transformers'), 'IS_REAL')",
        "import importlib\nassert not hasattr(importlib.import_module(name='transformers'), 'IS_REAL')",
        "from importlib import import_module as find\nassert not hasattr(find('transformers.utils'), 'IS_REAL')",
        "assert not hasattr(__import__('transformers'), 'IS_REAL')",
        "found = __import__('transformers.utils')\nassert not hasattr(found, 'IS_REAL')\nassert found.utils.logging",
        "assert not hasattr(__import__('transformers.utils', fromlist=['logging']), 'IS_REAL')",
        "import builtins\nassert not hasattr(builtins.__import__(name='transformers', level=0), 'IS_REAL')",
        "def later():\n    import transformers as t\n    return t\nassert not hasattr(later(), 'IS_REAL')",
        "import transformers as t\nassert 'GenerationMixin' not in vars(t)\nassert not hasattr(t, 'GenerationMixin')",
        "import transformers as t\ntry:\n    t.__path__.append('site/transformers')\nexcept Exception:\n    pass\n"
        + HIDDEN,
    ],
)
def test_installed_transformers_is_not_reached_through_the_names(tmp_path, monkeypatch, head):
    """The meaning of a script does not depend on what somebody has installed."""
    site = {"transformers/__init__.py": REAL, "transformers/utils.py": REAL, "transformers/hidden.py": REAL}
    monkeypatch.syspath_prepend(write(tmp_path / "site", site))
    monkeypatch.delitem(sys.modules, "transformers", raising=False)
    assert isinstance(load(tmp_path / "saved", head), PretrainedConfig)


def test_file_of_that_name_beside_the_code_is_not_used(tmp_path):
    """A repository cannot bring its own transformers, nor put code under that name."""
    evil = "raise SystemExit('it ran')\n"
    folder = tmp_path / "saved"
    load(folder, "import transformers", **{"transformers.py": evil, "transformers/__init__.py": evil})
    with pytest.raises(RemoteCodeRefusedError) as caught:
        AutoConfig.from_pretrained(folder)
    assert not [name for name in caught.value.bundle.files if name.startswith("transformers")]


def test_checkpoint_in_the_working_directory_offers_no_names(tmp_path):
    """Its own metadata does not make it an installed distribution that serves names."""
    offers = "".join(f"[hub_io.transformers_{kind}_names]\nevil = evil_names\n" for kind in ("config", "model"))
    content = files(
        {
            "configuration_tiny.py": THEIRS,
            "aaa-1.0.dist-info/entry_points.txt": offers,
            "aaa-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: aaa\nVersion: 1.0\n",
            "evil_names.py": "raise SystemExit('it ran')\n",
        }
    )
    folder = write(tmp_path / "saved", content)
    program = (
        "from auto_registry import AutoConfig; print(AutoConfig.from_pretrained('.', trust_remote_code=True).size)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, cwd=folder, capture_output=True, encoding="utf-8", timeout=100
    )
    assert done.stdout == "2\n", done.stderr


OPTIONAL = "try:\n    from transformers import GenerationMixin\nexcept ImportError:\n    pass\n"


@pytest.mark.parametrize(
    "head",
    [
        f"{OPTIONAL}from transformers import GenerationMixin",
        f"from transformers import GenerationMixin\n{OPTIONAL}",
        "try:\n    from transformers import GenerationMixin\nexcept (KeyError, ValueError):\n    pass",
        "try:\n    pass\nexcept ImportError:\n    pass\nfinally:\n    from transformers import GenerationMixin",
        "class ImportHolder:\n    class Inner:\n        from transformers import GenerationMixin",
        "# except ImportError\nfrom transformers import GenerationMixin  # noqa, optional",
        "from transformers import PretrainedConfig, \\\n    GenerationMixin",
        "import transformers as a, transformers as b\nclass X(b.GenerationMixin):\n    pass",
        "from transformers import utils as GenerationMixin\nX = GenerationMixin.GenerationMixin",
    ],
)
def test_refused_name_does_not_pass_as_optional(tmp_path, head):
    """That the same name may be missing elsewhere, or that something looks like a `try`, changes nothing."""
    with pytest.raises(UnservedNamesError, match="GenerationMixin"):
        load(tmp_path / "saved", f"{head}\nopen({str(tmp_path / 'ran')!r}, 'w').close()")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "head",
    [
        "TYPE_CHECKING = True\nif TYPE_CHECKING:\n    from transformers import GenerationMixin",
        "name = 'Generation' + 'Mixin'\nimport transformers\ngetattr(transformers, name)",
        "if 1:\n    import transformers.models.bert",
        "import transformers\nvars(transformers)['GenerationMixin']",
        "__import__('transformers').GenerationMixin",
        "if 1:\n    __import__('transformers.models.bert')._module",
        "def later():\n    from transformers import GenerationMixin\nlater()",
        "import transformers\ntransformers.__spec__.loader.find_module('transformers.models')",
        "try:\n    if 1:\n        from transformers import GenerationMixin\nexcept KeyError:\n    pass",
        "exec('from transformers import no_such_name')",
    ],
)
def test_name_that_escapes_the_check_is_not_served_either(tmp_path, head):
    """The check reads the files in advance; what it cannot see fails where it is used."""
    with pytest.raises(RemoteCodeImportError, match="Error: ") as caught:
        load(tmp_path / "saved", head)
    assert not isinstance(caught.value, UnservedNamesError)


def test_handler_that_the_check_does_not_know_handles_a_missing_name(tmp_path):
    """The name is missing there as well: nothing else is served in its place."""
    head = "E = ImportError\ntry:\n    from transformers import GenerationMixin as G\nexcept E:\n    G = None\n"
    assert load(tmp_path / "saved", f"{head}assert G is None").size == 2


def test_untrusted_code_gets_no_names(tmp_path):
    """Serving names grants nothing: the code is refused as any other."""
    folder = write(tmp_path / "saved", files({"configuration_tiny.py": f"raise SystemExit\n{THEIRS}"}))
    with pytest.raises(RemoteCodeRefusedError):
        AutoConfig.from_pretrained(folder)


def test_program_does_not_see_the_names(tmp_path):
    """`import transformers` of the program means what is installed, also after a load."""
    load(tmp_path / "saved", "import transformers")
    assert getattr(sys.modules.get("transformers"), "__file__", "real") != "<names of transformers that hub_io serves>"
    assert not [name for name in sys.modules if name.partition(".")[0] == "transformers" and "served" in name]
