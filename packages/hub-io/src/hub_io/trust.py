"""Whether a checkpoint's code may run: the one place that decides, and the decision as a value.

Everything that imports such code takes a `Trusted`, and runs the bundle in it. Trust comes from the caller, never from
data; nothing here asks anybody, and refusing executes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from config_core.errors import ConfigCoreError
from hub_io.errors import HubIoError, RemoteCodeRefusedError

if TYPE_CHECKING:
    from config_core.code_bundle import CodeBundle
    from hub_io.code_origin import RemoteCode

__all__ = ["Refused", "TrustDecision", "Trusted", "decide"]


@dataclass(frozen=True, slots=True)
class Trusted:
    """This code may run.

    Attributes:
        by: What trusts it, in words.
        source: The folder or repository that holds it.
        bundle: The code itself: what is trusted is content.
    """

    by: str
    source: str
    bundle: CodeBundle


@dataclass(frozen=True, slots=True)
class Refused:
    """This code may not run.

    Attributes:
        reason: Why.
        code: The code. Its files are only fetched and read if somebody looks.
    """

    reason: str
    code: RemoteCode

    @property
    def bundle(self) -> CodeBundle:
        """The files that would run, with their digests."""
        return self.code.bundle

    @property
    def what_to_do(self) -> str:
        """What makes the code run, if its reader wants that."""
        pin = f"{self.code.pin}={self.code.commit!r}, " if self.code.commit else ""
        return f"Read these files. If you trust them, pass {pin}trust_remote_code=True; they then run with your rights."

    def error(self) -> RemoteCodeRefusedError:
        """Return the refusal: the files, the SHA-256 of each, and what to call."""
        head = f"{self.code.source} ships Python code, and {self.reason}. None of it was run."
        try:
            bundle = self.bundle
            listing = "".join(f"\n  sha256:{digest}  {name}" for name, digest in bundle.file_digests().items())
            text = f"{head} These files would be imported:{listing}\n{self.what_to_do}"
        except (ConfigCoreError, HubIoError) as error:
            bundle = None
            text = f"{head} Its files cannot be listed either: {error}"
        return RemoteCodeRefusedError(text, source=self.code.source, reason=self.reason, bundle=bundle)


TrustDecision = Trusted | Refused


def decide(code: RemoteCode, *, trust_remote_code: bool | None) -> TrustDecision:
    """Decide whether code may run.

    Args:
        code: The code of one folder or repository. It is read only if it is trusted.
        trust_remote_code: What the caller said: True trusts this load's content, False and None do not.

    Raises:
        TypeError: `trust_remote_code` is something else, such as a string out of a file.
        SourceCodeError: The code is trusted, but a file is missing or is no Python.
    """
    if trust_remote_code is not None and not isinstance(trust_remote_code, bool):
        raise TypeError(f"trust_remote_code must be True, False or None, got {trust_remote_code!r}.")
    if trust_remote_code:
        return Trusted(by="trust_remote_code=True", source=code.source, bundle=code.bundle)
    said = "trust_remote_code=False was passed" if trust_remote_code is False else "nobody has said that it is trusted"
    return Refused(reason=said, code=code)
