"""What `hub_io.trust` says of who can make code run: every line is tried out, and one that nobody tries out fails."""

from __future__ import annotations

import os
import re

import pytest
from huggingface_hub import HfApi

import hub_io.trust
from auto_registry import AutoConfig, AutoModel, AutoModelForImageClassification
from auto_registry.code_load import CodeLoad
from config_core import open_checkpoint
from hub_io import REMOTE_CODE_SERVICE, HubIoError
from other_processes import environment, run_program
from tiny_checkpoints import AUTO_MAP, MODELING, config_json, files, trust, write

pytestmark = pytest.mark.filterwarnings("ignore::hub_io.UnpinnedCodeWarning")


def read_rows():
    """Return who, and the answer."""
    lines = re.sub(r"\n  (?=\S)", " ", hub_io.trust.__doc__)
    return re.findall(r"^- (.+?): (yes|no)(?:$|, )", lines, re.MULTILINE)


ROWS = read_rows()
CHECKS = {}


def check_of(who):
    """Register what tries out a row: it leaves the marker if the code ran."""

    def register(check):
        assert who not in CHECKS
        CHECKS[who] = check
        return check

    return register


class World:
    """A machine where nobody has trusted anything, with checkpoints whose code leaves the marker when it runs."""

    def __init__(self, request, tmp_path, places, monkeypatch):
        self.request = request
        self.tmp_path = tmp_path
        self.lock = places / "hub-code.lock"
        self.marker = tmp_path / "marker"
        self.monkeypatch = monkeypatch
        self.hostile = files(marker=self.marker)

    @property
    def hub(self):
        return self.request.getfixturevalue("hub")

    def folder(self, content=None, name="saved"):
        return write(self.tmp_path / name, content or self.hostile)

    def trusted_folder(self, content=None):
        """Return a folder that the project's trust store has."""
        folder = self.folder(content)
        trust(self.lock, content or self.hostile, source=os.path.realpath(folder))
        return folder

    def load(self, source, **options):
        """Load as far as it goes. What stops it is ours, or a wrong type."""
        try:
            AutoModel.from_pretrained(source, **options)
        except (HubIoError, TypeError):
            return
        assert self.marker.exists() or options.get("trust_remote_code"), "it neither ran nor was refused"


@pytest.fixture
def world(request, tmp_path, places, monkeypatch):
    return World(request, tmp_path, places, monkeypatch)


@pytest.mark.parametrize(("who", "answer"), ROWS, ids=[who for who, _ in ROWS])
def test_row_says_what_happens(world, who, answer):
    """Code runs exactly where the line says yes."""
    assert who in CHECKS, "nothing tries this row out"
    CHECKS[who](world)
    assert ("yes" if world.marker.exists() else "no") == answer


def test_every_check_has_a_row():
    """What is tried out is also told."""
    assert sorted(CHECKS) == sorted(who for who, _ in ROWS)


@check_of("the caller who passes `trust_remote_code=True`")
def _(world):
    world.load(world.folder(), trust_remote_code=True)


@check_of("the caller who passes nothing, or `None`")
def _(world):
    world.load(world.folder())
    world.load(world.folder(), trust_remote_code=None)


@check_of("the caller who passes `trust_remote_code=False`")
def _(world):
    world.load(world.trusted_folder(), trust_remote_code=False)


@check_of('the caller who passes a string, such as `"true"`')
def _(world):
    world.load(world.folder(), trust_remote_code="true")


@check_of("someone who writes the trust store")
def _(world):
    world.load(world.trusted_folder())


@check_of("someone who writes a malformed trust store")
def _(world):
    folder = world.trusted_folder()
    world.lock.write_text(world.lock.read_text(encoding="utf-8")[:-4], encoding="utf-8")
    world.load(folder)
    world.load(folder, trust_remote_code=True)


@check_of("someone who writes a `hub-code.lock` inside the checkpoint")
def _(world):
    folder = world.folder()
    trust(folder / "hub-code.lock", world.hostile, source=os.path.realpath(folder))
    world.monkeypatch.chdir(folder)
    world.load(folder)


@check_of("someone who writes a `hub-code.lock` in a folder that anybody may write")
def _(world):
    if os.name != "posix":
        pytest.skip("needs POSIX rights")
    folder = world.trusted_folder()
    world.lock.parent.chmod(0o777)
    world.load(folder)


@check_of("someone who pushes to a repository in the trust store")
def _(world):
    world.hub.create_repo("me/tiny", files())
    trust(world.lock, files(), source="me/tiny")
    world.hub.commit("me/tiny", world.hostile)
    world.load("me/tiny", revision="main")


@check_of("someone who pushes to a repository that is trusted without a commit")
def _(world):
    world.hub.create_repo("me/tiny", files())
    world.load("me/tiny", trust_remote_code=True)
    world.hub.commit("me/tiny", world.hostile)
    world.load("me/tiny", trust_remote_code=True)


@check_of("someone who pushes to a repository of a publisher that the trust store names")
def _(world):
    world.lock.write_text('{"version": 1, "publishers": ["my-org"], "trusted": []}', encoding="utf-8")
    world.hub.create_repo("my-org/tiny", world.hostile)
    world.load("my-org/tiny")


@check_of("someone who opens a pull request at such a repository")
def _(world):
    world.lock.write_text('{"version": 1, "publishers": ["my-org"], "trusted": []}', encoding="utf-8")
    world.hub.create_repo("my-org/tiny", files())
    HfApi(token=world.hub.token("my-org")).create_pull_request("my-org/tiny", title="Fix")
    world.hub.commit("my-org/tiny", world.hostile, branch="refs/pr/1")
    world.load("my-org/tiny", revision="refs/pr/1")


@check_of("someone who moves a branch during a load")
def _(world):
    world.hub.create_repo("me/tiny", files())
    checkpoint = open_checkpoint("me/tiny")
    world.hub.commit("me/tiny", world.hostile)
    world.load(checkpoint, trust_remote_code=True)


@check_of("`config.json`, with any content")
def _(world):
    for key in ("trust_remote_code", "policy", "trusted", "cap"):
        folder = world.folder({**world.hostile, "config.json": config_json(**{key: True})}, name=key)
        with pytest.raises(Exception, match="trust"):
            AutoModel.from_pretrained(folder)


@check_of("a local folder, because it is local")
def _(world):
    world.load(world.folder())
    world.monkeypatch.chdir(world.tmp_path)
    world.load("saved")


@check_of("another repository that a trusted checkpoint names")
def _(world):
    world.hub.create_repo("other/code", world.hostile)
    elsewhere = {**AUTO_MAP, "AutoModel": f"other/code--{AUTO_MAP['AutoModel']}"}
    folder = world.trusted_folder(files({"config.json": config_json(elsewhere)}))
    assert AutoConfig.from_pretrained(folder).size == 2
    world.load(folder)


@check_of("an earlier load of the same code")
def _(world):
    world.load(world.folder(), trust_remote_code=True)
    world.marker.unlink()
    world.load(world.folder(name="copy"))


@check_of("a config that was loaded with `trust_remote_code=True`")
def _(world):
    folder = world.folder()
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    world.marker.unlink()
    world.load(folder, config=config)


@check_of("trusted code that passes `trust_remote_code=True` later, in a method, a callback or a thread")
def _(world):
    other = world.folder(name="other")
    method = (
        "\n    def load_other(self):\n        from auto_registry import AutoModel\n"
        f"        AutoModel.from_pretrained({str(other)!r}, trust_remote_code=True)\n"
    )
    folder = world.folder(files({"modeling_tiny.py": MODELING + method}))
    model = AutoModelForImageClassification.from_pretrained(folder, trust_remote_code=True)
    assert not world.marker.exists()
    model.load_other()


@check_of("trusted code that passes `trust_remote_code=True` while it is imported or its objects are constructed")
def _(world):
    other = world.folder(name="other")
    asks = f"from auto_registry import AutoModel\nAutoModel.from_pretrained({str(other)!r}, trust_remote_code=True)\n"
    folder = world.folder(files({"modeling_tiny.py": MODELING + asks}))
    world.load(folder, trust_remote_code=True)


@check_of("someone who changes a file after the decision")
def _(world):
    folder = world.folder(files())
    decision = REMOTE_CODE_SERVICE.decide(CodeLoad.of_checkpoint(folder, trust_remote_code=True), "AutoModel")
    write(folder, world.hostile)
    assert REMOTE_CODE_SERVICE.load_class(decision).__name__ == "TinyModel"


SEND = """
import pickle, sys
from pathlib import Path
from auto_registry import AutoModel
model = AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True)
Path(sys.argv[2]).write_bytes(pickle.dumps(model))
print(type(model).__module__)
"""
RECEIVE = """
import pickle, sys
from pathlib import Path
from hub_io import HubIoError
try:
    pickle.loads(Path(sys.argv[1]).read_bytes())
except HubIoError as error:
    print("refused")
"""


def send(world, folder):
    """Return an object that a process has pickled."""
    pickled = world.tmp_path / "model.pkl"
    run_program(world.tmp_path / "send.py", SEND, folder, pickled, environ=environment(world.tmp_path / "cache"))
    return pickled


@check_of("someone who changes the code store")
def _(world):
    pickled = send(world, world.folder(files()))
    (entry,) = (world.tmp_path / "cache" / "code").iterdir()
    write(entry / "files", {name: text for name, text in world.hostile.items() if name.endswith(".py")})
    environ = environment(world.tmp_path / "cache", HUB_IO_GRANTS=entry.name)
    assert run_program(world.tmp_path / "receive.py", RECEIVE, pickled, environ=environ) == "refused\n"


@check_of("someone who sends a pickle")
def _(world):
    pickled = send(world, world.folder())
    world.marker.unlink()
    environ = environment(world.tmp_path / "cache")
    assert run_program(world.tmp_path / "receive.py", RECEIVE, pickled, environ=environ) == "refused\n"


@check_of("the caller, under `HUB_IO_REMOTE_CODE=deny`")
def _(world):
    world.monkeypatch.setenv("HUB_IO_REMOTE_CODE", "deny")
    world.load(world.folder(), trust_remote_code=True)


@check_of("the trust store, under `HUB_IO_REMOTE_CODE=deny`")
def _(world):
    world.monkeypatch.setenv("HUB_IO_REMOTE_CODE", "deny")
    world.load(world.trusted_folder())


@check_of("the caller, under `HUB_IO_REMOTE_CODE=locked`")
def _(world):
    world.monkeypatch.setenv("HUB_IO_REMOTE_CODE", "locked")
    world.load(world.folder(), trust_remote_code=True)


@check_of("the trust store, under `HUB_IO_REMOTE_CODE=locked`")
def _(world):
    world.monkeypatch.setenv("HUB_IO_REMOTE_CODE", "locked")
    world.load(world.trusted_folder())


@check_of("someone who mistypes `HUB_IO_REMOTE_CODE`")
def _(world):
    world.monkeypatch.setenv("HUB_IO_REMOTE_CODE", "lock")
    world.load(world.trusted_folder(), trust_remote_code=True)


FROZEN = """
import sys
from auto_registry import AutoModel
from hub_io import RemoteCodeRefusedError, TrustPolicy, TrustPolicyError, load_into_registry, set_default_policy

set_default_policy(TrustPolicy(cap="deny"), freeze=True)
for load, error in (
    (lambda: AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True), RemoteCodeRefusedError),
    (lambda: load_into_registry(sys.argv[1], trust_remote_code=True, policy=TrustPolicy()), TrustPolicyError),
):
    try:
        load()
    except error as caught:
        print("refused")
"""


@check_of("the caller, after the program has frozen a policy that denies")
def _(world):
    environ = environment(world.tmp_path / "cache")
    assert run_program(world.tmp_path / "frozen.py", FROZEN, world.folder(), environ=environ) == "refused\n" * 2
