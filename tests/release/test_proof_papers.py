"""What the proof finds in metadata and in READMEs that would not work on an index page."""

from __future__ import annotations

import pytest
from packaging.metadata import Metadata

from release_tools.distributions import claimed_pythons, metadata_faults, readme_faults

CLASSIFIER = "Programming Language :: Python :: 3."


def metadata(**changes):
    """Return complete metadata, with changes."""
    fields = {
        "metadata_version": "2.4",
        "name": "pretrained-probe",
        "version": "0.1.0",
        "summary": "A probe.",
        "description": "# A probe\n\n## Example\n",
        "description_content_type": "text/markdown",
        "license_expression": "Apache-2.0",
        "requires_python": ">=3.11",
        "author": "The authors",
        "keywords": ["probe"],
        "classifiers": [f"{CLASSIFIER}{minor}" for minor in (11, 12, 13)],
    }
    present = {name: value for name, value in (fields | changes).items() if value is not None}
    return Metadata.from_raw(present, validate=True)


def test_complete_metadata_has_no_fault():
    """What an index page shows is there, and the classifiers are the Pythons that installers accept."""
    assert metadata_faults(metadata()) == []
    assert claimed_pythons(metadata().classifiers) == ["3.11", "3.12", "3.13"]


@pytest.mark.parametrize("field", ["summary", "keywords", "author", "license_expression", "description"])
def test_field_that_an_index_page_shows_must_be_there(field):
    """A page without it says less than its siblings'."""
    assert metadata_faults(metadata(**{field: None})) == [f"the metadata has no {field}"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"requires_python": ">=3.12"}, "requires-python >=3.12 excludes Python 3.11, which a classifier names"),
        ({"requires_python": ">=3.10"}, "requires-python >=3.10 admits Python 3.10, which no classifier names"),
        ({"requires_python": ">=3.11,<3.13"}, "excludes Python 3.13, which a classifier names"),
        ({"classifiers": [f"{CLASSIFIER}12"]}, "requires-python >=3.11 admits Python 3.11, which no classifier names"),
        ({"classifiers": ["Typing :: Typed"]}, "a classifier for each version"),
    ],
)
def test_classifiers_must_fit_requires_python(changes, fault):
    """People go by the classifiers and installers by requires-python: both must say the same."""
    (found,) = metadata_faults(metadata(**changes))
    assert fault in found


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("[changes](CHANGELOG.md)", "CHANGELOG.md"),
        ("[the other](../hub-io/README.md#example)", "../hub-io/README.md#example"),
        ("![a diagram](docs/diagram.png)", "docs/diagram.png"),
        ('<img src="docs/diagram.png">', "docs/diagram.png"),
        ("[changes]\n\n[changes]: CHANGELOG.md", "CHANGELOG.md"),
        ("[below](#no-such-heading)", "#user-content-no-such-heading"),
        ("[a page](http://example.org)", "http://example.org"),
    ],
)
def test_link_of_a_readme_must_work_without_the_repository(link, shown):
    """An index has the README and no other file."""
    (found,) = readme_faults(metadata(description=f"# A probe\n\nSee {link}\n"))
    assert found.startswith(f"the README links to {shown}, which leads nowhere on an index page")


def test_links_to_sites_and_to_headings_of_the_readme_are_no_fault():
    """What works for every reader may stand there; what only looks like a link in a block of code too."""
    text = "# A probe\n\n[site](https://example.org), [above](#a-probe)\n\n```\n[no](link.md)\n```\n"
    assert readme_faults(metadata(description=text)) == []


def test_readme_must_be_markdown():
    """An index would show the marks of another format as text."""
    assert readme_faults(metadata(description_content_type="text/plain")) == [
        "the README is text/plain, not text/markdown"
    ]
