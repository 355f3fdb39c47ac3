"""Jobs of other distributions: found when they are needed, and named when they are absent."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

OFFER = """
import sys
calls = []
class Hub:
    def open(self, repo_id, options):
        from config_core import FolderCheckpoint
        calls.append((repo_id, options))
        checkpoint = FolderCheckpoint(sys.argv[1])
        checkpoint.name = repo_id
        return checkpoint
    def publish(self, folder, repo_id, **options):
        return sorted(path.name for path in folder.iterdir()), repo_id, options
HUB = Hub()
"""


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a program which sees this package, a distribution `offer` and no other one."""

    def run(program, *, offer=True):
        import config_core

        places = [str(config_core.__path__[0].removesuffix("/config_core"))]
        if offer:
            info = tmp_path / "site" / "offer-1.dist-info"
            info.mkdir(parents=True)
            (info / "METADATA").write_text("Metadata-Version: 2.1\nName: offer\nVersion: 1\n", encoding="utf-8")
            (info / "entry_points.txt").write_text("[config_core.hub]\nhub = offer:HUB\n", encoding="utf-8")
            (tmp_path / "site" / "offer.py").write_text(OFFER, encoding="utf-8")
            places.append(str(tmp_path / "site"))
        prologue = f"import sys; sys.path[:0] = {places}\n"
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", prologue + program, str(tmp_path)],
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_a_repository_without_a_hub_names_the_distribution_to_install(run):
    """Nothing is imported, the error is an ImportError and says what to type."""
    shown = run(
        """
from config_core import MissingServiceError, PretrainedConfig
for use in (
    lambda: PretrainedConfig.from_pretrained("owner/name"),
    lambda: PretrainedConfig().push_to_hub("owner/name"),
    lambda: PretrainedConfig().save_pretrained("saved", push_to_hub=True),
):
    try:
        use()
    except MissingServiceError as error:
        assert isinstance(error, ImportError)
        print(error, error.group, error.distribution)
""",
        offer=False,
    )
    opening, *pushing = shown.splitlines()
    needed = "requires pretrained-hub-io: pip install pretrained-hub-io config_core.hub pretrained-hub-io"
    assert opening == f"There is no folder 'owner/name', and opening a repository of that name on a hub {needed}"
    assert pushing == 2 * [f"Using a repository on a hub {needed}"]


def test_a_distribution_that_offers_a_hub_opens_repositories(run, tmp_path):
    """By its entry point, with all options, and not before a repository is named."""
    (tmp_path / "config.json").write_text('{"return_dict": false}', encoding="utf-8")
    run(
        """
from config_core import PretrainedConfig
PretrainedConfig.from_pretrained(sys.argv[1])
assert "offer" not in sys.modules and "importlib.metadata" not in sys.modules
config = PretrainedConfig.from_pretrained("owner/name", revision="v1", token="t", subfolder="s", local_files_only=True)
assert config.return_dict is False and config.name_or_path == "owner/name"
import offer
from config_core.checkpoint import HubOptions
assert offer.calls == [("owner/name", HubOptions(revision="v1", token="t", subfolder="s", local_files_only=True))]
"""
    )


def test_a_push_publishes_a_folder_once(run):
    """The hub gets everything that a save writes, and its answer comes back."""
    shown = run(
        """
import json
from config_core import PretrainedConfig
print(json.dumps(PretrainedConfig().push_to_hub("name", private=True, commit_message="m")))
PretrainedConfig().save_pretrained("saved", push_to_hub=True, tags=["t"])
"""
    )
    assert json.loads(shown) == [["config.json"], "name", {"private": True, "commit_message": "m"}]


def test_a_hostile_subfolder_does_not_reach_the_hub(run):
    """Names are checked before anybody is asked."""
    run(
        """
from config_core import PretrainedConfig, UnsafeNameError
try:
    PretrainedConfig.from_pretrained("owner/name", subfolder="../x")
except UnsafeNameError:
    assert "offer" not in sys.modules
else:
    raise SystemExit("opened")
"""
    )


def test_auto_class_names_are_judged_without_the_auto_classes(run):
    """A team that installs this package alone may register its configs."""
    run(
        """
from config_core import ClassReferenceError, PretrainedConfig
class C(PretrainedConfig): pass
C.register_for_auto_class()
for wrong in ("Nonsense", "AutoModel", "autoConfig"):
    try:
        C.register_for_auto_class(wrong)
    except ClassReferenceError as error:
        assert error.reference == wrong
    else:
        raise SystemExit(wrong)
""",
        offer=False,
    )


IMPORTED_BY_ANOTHER_THREAD = """
import sys, threading
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path

site = Path(sys.argv[1]) / "site"
(site / "slow").mkdir(parents=True)
(site / "slow" / "__init__.py").write_text("from slow import job")
(site / "slow" / "job.py").write_text("JOB = 'done'")
(site / "slow-1.dist-info").mkdir()
(site / "slow-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\\nName: slow\\nVersion: 1\\n")
(site / "slow-1.dist-info" / "entry_points.txt").write_text("[config_core.jobs]\\njob = slow.job:JOB\\n")
sys.path.insert(0, str(site))
entered, opened = threading.Event(), threading.Event()

class Gate:  # stops where the package is locked, and not yet in sys.modules
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        spec = PathFinder.find_spec(name, path) if name == "slow" else None
        if spec is not None:
            cls.exec_module, spec.loader = spec.loader.exec_module, cls
        return spec

    @staticmethod
    def create_module(spec):
        entered.set()
        assert opened.wait(50)

sys.meta_path.insert(0, Gate)

from config_core.entry_points import installed_offers

offer = installed_offers("config_core.jobs")[0]
found = []
importing = threading.Thread(target=lambda: found.append(import_module("slow").__name__))
loading = threading.Thread(target=lambda: found.append(offer.load()))
importing.start()
assert entered.wait(50)
loading.start()
while loading.is_alive():
    frame = sys._current_frames().get(loading.ident)
    if frame and frame.f_code.co_name == "acquire" and getattr(frame.f_locals.get("self"), "name", "") == "slow":
        break  # it waits for the import of the package
opened.set()
importing.join()
loading.join()
print(sorted(found))
"""


def test_an_offer_is_loaded_while_another_thread_imports_its_package(run):
    """The package imports the module of the offer itself: neither thread waits for the other for ever."""
    assert run(IMPORTED_BY_ANOTHER_THREAD, offer=False).strip() == "['done', 'slow']"
