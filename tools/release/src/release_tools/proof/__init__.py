"""The proof that each package can be installed alone, in every combination that a user can install.

distributions.py  builds the sdist and the wheel of a package, of this checkout or of a release
contents.py       what an sdist or a wheel lacks, and what it should not have
papers.py         what an index page would show: metadata and README
pythons.py        the interpreters that the machine has or can get
combinations.py   which versions are tried together
trial.py          one combination: installs it, does the package's job, runs the package's own tests
table.py          what was tried and what came of it
command.py        `prove`
"""
