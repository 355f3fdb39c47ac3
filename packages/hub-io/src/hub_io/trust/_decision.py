"""The decision on a checkpoint's code, as a value. `hub_io.trust.decide` makes it.

Every function that imports such code takes a `Trusted`, and runs the bundle in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from config_core.code import CodeBundle, CodeOrigin
from config_core.errors import ConfigCoreError, SourceCodeError
from hub_io.code import RemoteCode
from hub_io.errors import HubIoError, RemoteCodeRefusedError
from hub_io.file_changes import FileChanges
from hub_io.trust._store import TrustFile

__all__ = ["Refused", "TrustDecision", "Trusted"]

_LIFT = "Only the administrator or program that set this can change it; no argument of a load can."


@dataclass(frozen=True, slots=True)
class Trusted:
    """This code may run.

    Attributes:
        by: What trusts it, for messages.
        code: The code.
        record_in: The trust file that gets an entry for the code before it runs, if a publisher is trusted and not yet
            this content; else None.
    """

    by: str
    code: RemoteCode
    record_in: TrustFile | None = None
    trusted: ClassVar[Literal[True]] = True

    @property
    def source(self) -> str:
        """The folder or repository that holds the code."""
        return self.code.source

    @property
    def bundle(self) -> CodeBundle:
        """The files that may run."""
        return self.code.bundle

    @property
    def origin(self) -> CodeOrigin:
        """Where the code came from, and what trusts it."""
        return CodeOrigin(self.source, self.code.commit, self.bundle.digest, self.by)

    def refusal(self) -> RemoteCodeRefusedError:
        """Raise ValueError, as there is no refusal.

        Raises:
            ValueError: Always.
        """
        raise ValueError(f"The code of {self.source} is trusted by {self.by}; there is no refusal.")


@dataclass(frozen=True, slots=True)
class Refused:
    """This code may not run.

    Attributes:
        reason: Why.
        code: The code. Its files are fetched and read at the first use of its bundle.
        changes: How it differs from the trusted code of the same source; None if there is none.
        ignored: Path of a trust file that was found but not used, to the reason.
        may_be_passed: Whether `trust_remote_code=True` would trust it.
        may_be_stored: Whether an entry in the trust store would trust it.
        may_be_fetched: Whether `refusal()` may fetch code from another repository to list it.
    """

    reason: str
    code: RemoteCode
    changes: FileChanges | None = None
    ignored: Mapping[Path, str] = field(default_factory=dict)
    may_be_passed: bool = True
    may_be_stored: bool = True
    may_be_fetched: bool = True
    trusted: ClassVar[Literal[False]] = False

    @property
    def bundle(self) -> CodeBundle:
        """The files that would run, with their digests."""
        return self.code.bundle

    @property
    def remedy(self) -> str:
        """What to do to let the code run."""
        pin = f"{self.code.pin}={self.code.commit!r}, " if self.code.commit else ""
        ways = [f"pass {pin}trust_remote_code=True"] if self.may_be_passed else []
        if self.may_be_stored:
            ways.append(f"add them to your trust store (`{self.code.command('trust')}`)")
        if not ways:
            return _LIFT
        changed = "" if self.changes is None else f", or what has changed in them (`{self.review}`)"
        return f"Read these files{changed}. If you trust them, {', or '.join(ways)}; they then run with your rights."

    @property
    def review(self) -> str:
        """The command that shows the code, or what has changed since another version of it was trusted."""
        return self.code.command("inspect" if self.changes is None else "diff")

    def refusal(self) -> RemoteCodeRefusedError:
        """Return the error, which lists the files with their SHA-256 and says what to do."""
        bundle, told = self._list() if self.code.at_hand or self.may_be_fetched else (None, self._unlisted)
        head = f"{self.code.source} ships Python code that is not trusted: {self.reason}. None of it was run."
        aside = "".join(f"\n{path} was not used: it {reason}." for path, reason in self.ignored.items())
        return RemoteCodeRefusedError(
            f"{head} {told}{aside}",
            source=self.code.source,
            reason=self.reason,
            bundle=bundle,
            changes=self.changes,
        )

    def _list(self) -> tuple[CodeBundle | None, str]:
        """Return the bundle, or None if it cannot be collected, and a list of its files as text."""
        try:
            bundle = self.bundle
        except (ConfigCoreError, HubIoError) as error:
            known = _listing(error.digests, _marks(self.changes)) if isinstance(error, SourceCodeError) else ""
            named = f"These of its files could be read:{known}\n" if known else ""
            return None, f"{named}Its files cannot be listed{' in full' if known else ' either'}: {error}"
        marks = _marks(self.changes)
        listing = _listing(bundle.file_digests(), marks)
        listing += "".join(f"\n  {name}{mark}" for name, mark in marks.items())
        return bundle, f"These files would be imported:{listing}\n{self.remedy}"

    @property
    def _unlisted(self) -> str:
        lift = "" if self.may_be_passed else f" {_LIFT}"
        return f"Its files were not downloaded to list them; run `hub-io inspect` on the checkpoint to see them.{lift}"


TrustDecision = Trusted | Refused


def _listing(digests: Mapping[str, str], marks: dict[str, str]) -> str:
    """Return a line for each file. The marks in it are removed from `marks`."""
    return "".join(
        f"\n  sha256:{digest}  {name if name.isascii() else ascii(name)}{marks.pop(name, '')}"
        for name, digest in digests.items()
    )


def _marks(changes: FileChanges | None) -> dict[str, str]:
    """Return the mark of each file that differs from the trusted code."""
    if changes is None:
        return {}
    return {
        **dict.fromkeys(changes.changed, "  (changed)"),
        **dict.fromkeys(changes.added, "  (added)"),
        **dict.fromkeys(changes.removed, "  (removed)"),
    }
