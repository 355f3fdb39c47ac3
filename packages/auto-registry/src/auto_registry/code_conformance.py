"""What every service for the code of checkpoints must do, as tests for those who write one.

    from auto_registry.code_conformance import RemoteCodeConformance

    class TestOurRunner(RemoteCodeConformance):
        runs_trusted_code = False  # ours refuses all code

pytest runs such a class as it stands; for unittest, derive it from `unittest.TestCase` too. The service is the
installed one: the object that a distribution offers by the entry point `auto_registry.remote_code`. Nothing else
imports this module.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from auto_registry.auto_config import AutoConfig
from auto_registry.auto_model import AutoModelClass
from auto_registry.auto_tasks import AutoModel
from auto_registry.code_load import CodeLoad
from auto_registry.code_service import REMOTE_CODE_GROUP, RemoteCodeDecision, RemoteCodeService

__all__ = ["RemoteCodeConformance"]

_PROBLEM = "This service does not conform"
_CODE = """\
from pathlib import Path

from config_core import PretrainedConfig

Path({marker!r}).write_text("this code ran", encoding="utf-8")
VERSION = {version}


class ConformanceConfig(PretrainedConfig):
    model_type = "conformance"


class ConformanceModel:
    config_class = ConformanceConfig

    def __init__(self, config):
        self.config = config

    @classmethod
    def from_pretrained(cls, checkpoint, *, config):
        return cls(config)
"""
_AUTO_MAP = {
    "AutoConfig": "modeling_conformance.ConformanceConfig",
    "AutoModel": "modeling_conformance.ConformanceModel",
}


class RemoteCodeConformance:
    """Tests of `auto_registry.code_service.RemoteCodeService`. Derive from it, and set what differs for your service.

    Attributes:
        runs_trusted_code: Whether the service runs code with `trust_remote_code=True`. One that does not refuses it.
    """

    runs_trusted_code: bool = True

    @property
    def remote_code(self) -> RemoteCodeService:
        """The service: the installed one."""
        from config_core.services import find_service

        service: RemoteCodeService = find_service(REMOTE_CODE_GROUP, distribution="your service", purpose="This test")
        return service

    def test_code_that_nobody_trusts_is_refused(self) -> None:
        """With `None` and `False` the decision is no, refusal() is the error, load_class() raises it, nothing runs."""
        for trust in (None, False):
            with _checkpoint() as folder:
                self._require_refusal(self._decide(folder, trust), f"trust_remote_code={trust}")
                _require_not_run(folder, f"with trust_remote_code={trust}")

    def test_a_load_of_untrusted_code_fails_with_the_refusal(self) -> None:
        """`AutoConfig` and `AutoModel` find the service by its entry point, and raise its error."""
        for auto_class in (AutoConfig, AutoModel):
            with _checkpoint() as folder:
                refusal = type(self._decide(folder, None).refusal())
                error = _error_of_load(auto_class, folder)
                _require(
                    isinstance(error, refusal),
                    f"{auto_class.__name__} must raise {refusal.__name__} for untrusted code, and raised {error!r}",
                )
                _require_not_run(folder, f"in {auto_class.__name__}.from_pretrained without trust_remote_code")

    def test_deciding_runs_nothing(self) -> None:
        """Code runs in load_class() only, also if the caller trusts it."""
        with _checkpoint() as folder:
            decision = self._decide(folder, trust=True)
            _require_not_run(folder, "in decide()")
            if not self.runs_trusted_code:
                self._require_refusal(decision, "trust_remote_code=True, with runs_trusted_code = False")
                _require_not_run(folder, "with runs_trusted_code = False")

    def test_trust_is_true_false_or_none(self) -> None:
        """`trust_remote_code="false"` trusts nothing: any other value is an error, or refused."""
        values: tuple[object, ...] = ("true", "false", 1, [])
        for trust in values:
            with _checkpoint() as folder:
                try:
                    decision = self._decide(folder, trust)
                except Exception:  # noqa: BLE001, S112 - the error of its choice
                    continue
                self._require_refusal(decision, f"trust_remote_code={trust!r}")

    def test_trusted_code_runs(self) -> None:
        """load_class() returns the class that the `auto_map` names, and a load makes an object of it."""
        if not self.runs_trusted_code:
            return
        with _checkpoint() as folder:
            decision = self._decide(folder, trust=True, auto_class="AutoModel")
            _require(decision.trusted, "decide() refuses code with trust_remote_code=True")
            loaded: object = self.remote_code.load_class(decision)
            _require(
                isinstance(loaded, type) and loaded.__name__ == "ConformanceModel",
                f"load_class() returned {loaded!r}, and the auto_map names ConformanceModel",
            )
            model = AutoModel.from_pretrained(folder, trust_remote_code=True)
            _require(
                type(model).__name__ == "ConformanceModel" and type(model.config).__name__ == "ConformanceConfig",
                f"AutoModel made {model!r} with {type(model.config).__name__}, and the auto_map names ConformanceModel "
                "and ConformanceConfig",
            )

    def test_what_was_decided_on_is_what_runs(self) -> None:
        """A file that changes between the decision and load_class() is refused, or its first content runs."""
        if not self.runs_trusted_code:
            return
        with _checkpoint() as folder:
            decision = self._decide(folder, trust=True)
            _write_code(folder, version=2)
            try:
                loaded = self.remote_code.load_class(decision)
            except Exception:  # noqa: BLE001 - the error of its choice
                return
            version = vars(sys.modules[loaded.__module__])["VERSION"]
            _require(version == 1, "load_class() ran code that was written after the decision")

    def _decide(self, folder: Path, trust: Any, auto_class: str = "AutoConfig") -> RemoteCodeDecision:
        return self.remote_code.decide(CodeLoad.of_checkpoint(folder, trust_remote_code=trust), auto_class)

    def _require_refusal(self, decision: RemoteCodeDecision, what: str) -> None:
        _require(decision.trusted is False, f"decide() trusts code with {what}: trusted is {decision.trusted!r}")
        refusal = decision.refusal()
        _require(isinstance(refusal, Exception), f"refusal() returned {refusal!r}, which is not an exception")
        try:
            loaded = self.remote_code.load_class(decision)
        except type(refusal):
            return
        except Exception as error:
            raised = f"{type(error).__name__}: {error}"
            expected = type(refusal).__name__
            raise AssertionError(f"{_PROBLEM}: load_class() must raise {expected}, and raised {raised}") from error
        raise AssertionError(f"{_PROBLEM}: load_class() of a refused decision returned {loaded!r}.")


def _require(holds: bool, problem: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not holds:
        raise AssertionError(f"{_PROBLEM}: {problem}.")


def _require_not_run(folder: Path, when: str) -> None:
    _require(not _marker(folder).exists(), f"the code of a checkpoint ran {when}")


def _error_of_load(auto_class: type[AutoConfig | AutoModelClass], folder: Path) -> Exception | None:
    try:
        auto_class.from_pretrained(folder)
    except Exception as error:  # noqa: BLE001 - the test says which is right
        return error
    return None


@contextmanager
def _checkpoint() -> Iterator[Path]:
    """Give a folder whose code leaves a mark when it runs."""
    with tempfile.TemporaryDirectory(prefix="code-conformance-") as temporary:
        folder = Path(temporary, "checkpoint")
        folder.mkdir()
        config = {"model_type": "conformance", "auto_map": _AUTO_MAP}
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        _write_code(folder, version=1)
        yield folder


def _write_code(folder: Path, *, version: int) -> None:
    code = _CODE.format(marker=str(_marker(folder)), version=version)
    (folder / "modeling_conformance.py").write_text(code, encoding="utf-8")


def _marker(folder: Path) -> Path:
    return folder.parent / "ran"
