"""What an index page shows of a package: its metadata, and its README as the index renders it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from html.parser import HTMLParser

from packaging.metadata import Metadata
from readme_renderer.markdown import render

from release_tools.proof._distributions import Distributions

__all__ = ["claimed_pythons", "metadata_faults", "read_metadata", "readme_faults"]

_PYTHON = "Programming Language :: Python :: 3."
_SHOWN = ("author", "classifiers", "description", "keywords", "license_expression", "requires_python", "summary")


def read_metadata(built: Distributions) -> Metadata:
    """Return the metadata of a wheel.

    Raises:
        packaging.metadata.InvalidMetadata: A field has a value that is not allowed.
    """
    with zipfile.ZipFile(built.wheel) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        return Metadata.from_email(wheel.read(name), validate=True)


def claimed_pythons(classifiers: Iterable[str]) -> list[str]:
    """Return the Pythons that classifiers name, oldest first: `3.11`, `3.12`."""
    minors = sorted(int(line.removeprefix(_PYTHON)) for line in classifiers if line.startswith(_PYTHON))
    return [f"3.{minor}" for minor in minors]


def metadata_faults(metadata: Metadata) -> list[str]:
    """Return what an index page would lack, and classifiers that do not fit requires-python.

    Classifiers that no index knows, and a license that is no SPDX expression, do not even build.
    """
    faults = [f"the metadata has no {field}" for field in _SHOWN if not getattr(metadata, field)]
    allowed, claimed = metadata.requires_python, claimed_pythons(metadata.classifiers or ())
    if allowed is None or not claimed:
        return [*faults, "the metadata must say which Pythons: requires-python, and a classifier for each version"]
    faults += [
        f"requires-python {allowed} excludes Python {minor}, which a classifier names"
        for minor in claimed
        if minor not in allowed
    ]
    below = f"3.{int(claimed[0].removeprefix('3.')) - 1}"
    if below in allowed:
        faults.append(f"requires-python {allowed} admits Python {below}, which no classifier names")
    return faults


def readme_faults(metadata: Metadata) -> list[str]:
    """Return what of a README does not work on an index page: rendering, and links that need the repository.

    The README is rendered by what the index renders it with.
    """
    if metadata.description_content_type != "text/markdown":
        return [f"the README is {metadata.description_content_type}, not text/markdown"]
    rendered = render(metadata.description or "")
    if rendered is None:
        return ["the README does not render"]
    page = _Page()
    page.feed(rendered)
    return [
        f"the README links to {link}, which leads nowhere on an index page: write an absolute address, or plain text"
        for link in page.links
        if not link.startswith(("https://", "mailto:")) and link.removeprefix("#") not in page.ids
    ]


class _Page(HTMLParser):
    """Collects the links, images and anchors of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        """Note what a tag refers to, and what can be referred to."""
        for name, value in attrs:
            if name in {"href", "src"}:
                self.links.append(value or "")
            elif name == "id":
                self.ids.add(value or "")
