"""`release check`: what a package uses of its siblings is there in the oldest that its bounds admit."""

from __future__ import annotations

import json

import pytest

OFFER = "packages/config-core/src/config_core/offer.py"
FACE = "packages/config-core/src/config_core/__init__.py"
USE = "packages/auto-registry/src/auto_registry/use_of_offer.py"
NEW_USES = """
import sys
from typing import TYPE_CHECKING

import config_core
import config_core.fresh_face  # new
import config_core.offer
import config_core.offer as face
from config_core import fresh as from_lazy_face  # new
from config_core import offer
from config_core.offer import Shape, area

if TYPE_CHECKING:
    from config_core.offer import fresh as for_type_checkers  # new

try:
    from config_core.offer import fresh as not_optional  # new
except ValueError:
    pass

config_core.fresh()  # new
config_core.offer.fresh()  # new
face.fresh()  # new
offer.fresh()  # new
area(Shape(), rounded=True)  # new
Shape().grow().color  # new

if hasattr(config_core.offer, "area"):
    config_core.offer.fresh()  # new


if sys.version_info >= (3, 99):
    config_core.offer.fresh()  # new
else:
    offer.fresh()  # new
if sys.platform == "other":
    face.fresh()  # new


def use(shape: Shape) -> str:
    from config_core.offer import fresh  # new

    return shape.color  # new


class OwnShape(Shape):
    def use(self) -> str:
        return self.color  # new
"""
OLD_USES = """
import config_core.offer
from config_core.offer import Shape, area

try:
    from config_core.offer import fresh
except ImportError:
    pass

area(Shape(), exact=True)
config_core.offer.Shape().grow(by=2)
config_core.offer.never_there()
if hasattr(config_core.offer, "fresh"):
    config_core.offer.fresh()


def use(shape: Shape) -> None:
    if hasattr(shape, "color"):
        print(shape.color)
"""


@pytest.fixture
def newer(released, run_release):
    """Return a copy whose config-core has become 0.1.1, with one more of everything."""
    released.replace(OFFER, '"area"]', '"area", "fresh"]')
    released.append(OFFER, '\n\ndef fresh() -> int:\n    """Return a number."""\n    return 1\n')
    released.replace(OFFER, "exact: bool | None = None", "exact: bool | None = None, rounded: bool = False")
    released.replace(OFFER, "    size: int = 1\n", "    size: int = 1\n    color: str = ''\n")
    for face in ("fresh_face", "other_face"):
        released.write(
            OFFER.replace("offer", face), f'"""A new face."""\n\n__all__ = ["{face}_name"]\n\n{face}_name = 1\n'
        )
    released.replace(FACE, '    "staged_save",\n]', '    "fresh",\n    "staged_save",\n]')
    released.append(FACE, "\n\nfrom config_core.offer import fresh\n")
    released.set_version("config-core", "0.1.1")
    run_release(released, "record")
    return released


def failures(run_release, copy, package="auto-registry"):
    """Return the exit code and the failures of one package."""
    code, output = run_release(copy, "check", "--package", package, "--json")
    return code, json.loads(output)


def test_name_that_the_oldest_sibling_lacks_fails(newer, run_release):
    """The function, the line, the bound and the bound that is needed are named."""
    newer.write(USE, "from config_core.offer import area, fresh\n\n__all__: list[str] = []\n\nprint(area, fresh)\n")
    code, (failure,) = failures(run_release, newer)
    assert code == 1
    assert failure["where"] == f"{USE}:1"
    assert '"config_core.offer" has no attribute "fresh"' in failure["what"]
    assert "pretrained-config-core<0.2,>=0.1 admits" in failure["what"]
    assert failure["todo"] == "Ask for pretrained-config-core>=0.1.1, as `release plan --write` does."


def test_bound_that_is_needed_passes(newer, run_release):
    """With the bound raised, the oldest sibling is today's."""
    newer.write(USE, "from config_core.offer import area, fresh\n\n__all__: list[str] = []\n\nprint(area, fresh)\n")
    newer.set_bounds("auto-registry", "config-core", ">=0.1.1,<0.2")
    assert failures(run_release, newer) == (0, [])


def test_higher_bound_of_an_extra_does_not_stand_for_all_users(newer, run_release):
    """Who installs the package without the extra gets what its own bound admits."""
    newer.write(USE, "from config_core.offer import area, fresh\n\n__all__: list[str] = []\n\nprint(area, fresh)\n")
    newer.append(
        "packages/auto-registry/pyproject.toml",
        '\n[project.optional-dependencies]\nmore = ["pretrained-config-core>=0.1.1,<0.2"]\n',
    )
    code, (failure,) = failures(run_release, newer)
    assert code == 1
    assert failure["where"] == f"{USE}:1"


def test_every_way_to_use_what_is_new_fails(newer, run_release):
    """A name, a module, a keyword, an attribute: in functions, for type checkers, and behind a lazy face."""
    newer.write(USE, NEW_USES)
    code, found = failures(run_release, newer)
    assert code == 1
    assert {int(failure["where"].rpartition(":")[2]) for failure in found} == {
        number for number, line in enumerate(NEW_USES.splitlines(), 1) if line.endswith("  # new")
    }
    assert {failure["todo"] for failure in found} == {
        "Ask for pretrained-config-core>=0.1.1, as `release plan --write` does."
    }


def test_new_modules_fail(newer, run_release):
    """However they are imported."""
    uses = [
        "import config_core.fresh_face",
        "from config_core import other_face",
        "from config_core.fresh_face import fresh_face_name",
    ]
    for number, use in enumerate(uses):
        newer.write(USE.replace(".py", f"_{number}.py"), f"{use}\n")
    assert [failure["where"][-6:] for failure in failures(run_release, newer)[1]] == ["0.py:1", "1.py:1", "2.py:1"]


def test_what_the_oldest_has_and_what_is_optional_pass(newer, run_release):
    """What is wrong beside every sibling is not for this check to find."""
    newer.write(USE, OLD_USES)
    assert failures(run_release, newer) == (0, [])


def test_use_in_tests_passes(newer, run_release):
    """Tests run beside today's sources."""
    newer.append("tests/auto_registry/conftest.py", "\nfrom config_core.offer import fresh\n")
    assert failures(run_release, newer) == (0, [])


def test_bound_that_is_needed_is_the_oldest_that_suffices(newer, run_release):
    """Of several newer releases the first that has the name is enough."""
    newer.tag("config-core")
    newer.set_version("config-core", "0.1.2")
    newer.write(USE, "from config_core.offer import fresh\n")
    assert failures(run_release, newer)[1][0]["todo"].startswith("Ask for pretrained-config-core>=0.1.1,")


def test_new_name_under_a_released_version_asks_for_a_release(newer, run_release):
    """No bound would help before config-core has a new version."""
    newer.set_version("config-core", "0.1.0")
    newer.write(USE, "from config_core.offer import fresh\n")
    assert failures(run_release, newer)[1][0]["todo"].startswith("pretrained-config-core 0.1.0 is released without it")


def test_only_the_sibling_that_lacks_it_must_move(newer, run_release):
    """hub-io may keep its bound on auto-registry when it uses what is new in config-core."""
    newer.set_version("auto-registry", "0.1.1")
    run_release(newer, "record")
    newer.write("packages/hub-io/src/hub_io/use_of_offer.py", "from config_core.offer import fresh\n")
    (failure,) = failures(run_release, newer, "hub-io")[1]
    assert failure["todo"].startswith("Ask for pretrained-config-core>=0.1.1")


def test_entry_points_that_the_oldest_sibling_does_not_read_fail(newer, run_release):
    """They would be announced to nobody; groups that it reads pass."""
    newer.append(OFFER, '\nGROUP = "config_core.brand_new"\n')
    newer.replace(OFFER, "__all__ = [", '__all__ = ["GROUP", ')
    newer.append(
        "packages/auto-registry/pyproject.toml",
        '\n[project.entry-points."config_core.brand_new"]\nauto_registry = "auto_registry.auto_config:AutoConfig"\n',
    )
    code, (failure,) = failures(run_release, newer)
    assert code == 1
    assert "admits 0.1.0, which does not read entry points of config_core.brand_new" in failure["what"]
