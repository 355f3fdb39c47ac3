"""The proof that each package can be installed alone, in every combination that a user can install.

_distributions.py  builds the sdist and the wheel of a package, of this checkout or of a release
_contents.py       what an sdist or a wheel lacks, and what it should not have
_papers.py         what an index page would show: metadata and README
_pythons.py        the interpreters that the machine has or can get
_combinations.py   which versions are tried together
_trial.py          one combination: installs it, does the package's job, runs the package's own tests
_table.py          what was tried and what came of it
command.py         `prove`
"""

from __future__ import annotations

from release_tools.proof._combinations import Combination, Wheels, combinations_of
from release_tools.proof._contents import content_faults
from release_tools.proof._distributions import build
from release_tools.proof._papers import claimed_pythons, metadata_faults, read_metadata, readme_faults
from release_tools.proof._pythons import Python, find_pythons, known_pythons
from release_tools.proof._table import as_text
from release_tools.proof._trial import Outcome

__all__ = [
    "Combination",
    "Outcome",
    "Python",
    "Wheels",
    "as_text",
    "build",
    "claimed_pythons",
    "combinations_of",
    "content_faults",
    "find_pythons",
    "known_pythons",
    "metadata_faults",
    "read_metadata",
    "readme_faults",
]
