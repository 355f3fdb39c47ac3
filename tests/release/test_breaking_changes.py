"""`release check`: an API is broken under a version that says so, and under no other."""

from __future__ import annotations

import json

import pytest

OFFER = "packages/config-core/src/config_core/offer.py"
AREA = 'def area(shape: Shape, unit: str = "m", *, exact: bool | None = None) -> int:'

BREAKS = {
    "name that is no longer listed": ('"LIMIT", ', "", "config_core.offer.LIMIT: no longer offered"),
    "parameter with another name": (AREA, AREA.replace("unit", "units"), "parameter was removed: unit"),
    "parameter that is new and required": (AREA, AREA.replace(" = None", " = None, deep: int"), "required: deep"),
    "parameter that is now required": (AREA, AREA.replace(' = "m"', ""), "parameter is now required: unit"),
    "parameter that is keyword-only": (AREA, AREA.replace("unit", "*, unit").replace(" *, exact", " exact"), ": unit"),
    "parameter in another place": (
        AREA,
        AREA.replace('shape: Shape, unit: str = "m"', "unit: str, shape: Shape"),
        ": unit",
    ),
    "other default": (AREA, AREA.replace("= None", "= False"), "exact: None -> False"),
    "method that is gone": ("def grow(", "def _grow(", "config_core.offer.Shape.grow: public object was removed"),
    "method with another signature": ("def grow(self, by: int = 1)", "def grow(self, by: int)", "Shape.grow: "),
    "method that is an attribute": ("    def grow(", "    @property\n    def grow(", "Shape.grow: "),
    "attribute that is gone": ("    size: int = 1\n", "", "config_core.offer.Shape.size"),
    "other base": ("class Circle(Shape, KeyError)", "class Circle(KeyError)", "Circle: lost the base Shape"),
    "other builtin base": ("class Circle(Shape, KeyError)", "class Circle(Shape, OSError)", "lost the base KeyError"),
    "base of a base": ("class Shape(ValueError)", "class Shape(Exception)", "lost the base ValueError"),
    "function that is a class": (AREA, f"class area:\n    pass\n\n\n{AREA.replace('area', '_area')}", "offer.area: "),
    "method that a Protocol newly has": (
        "    def close(",
        "    def open(self) -> None:\n        pass\n\n    def close(",
        "config_core.offer.Closer.open: now asked of everybody",
    ),
    "parameter that a Protocol newly passes": (
        "def close(self, shape: Shape)",
        "def close(self, shape: Shape, *, hard: bool = False)",
        "config_core.offer.Closer.close: now asked of everybody",
    ),
    "field that a named tuple newly needs": (
        "    color: str\n",
        "    color: str\n    weight: int\n",
        "Paint.weight: now",
    ),
    "method that is newly abstract": (
        "    def thickness(",
        "    @abstractmethod\n    def thickness(",
        "thickness: now",
    ),
}
HARMLESS = {
    "docstring": ('"""Return the area."""', '"""Return the area of a shape."""'),
    "body": ("    return len(unit)\n\n\ndef _p", "    return len(unit) + 1\n\n\ndef _p"),
    "private method": ("_measure(self, unit: str)", "_measure_all(self)"),
    "private function": ("def _private(value: int)", "def _other()"),
    "parameter that may be left out": (AREA, AREA.replace("= None", "= None, deep: int = 1")),
    "builtin base of the builtin base": ("class Shape(ValueError)", "class Shape(UnicodeError)"),
    "base between": ("class Shape(ValueError)", "class _Base(ValueError):\n    pass\n\n\nclass Shape(_Base)"),
    "field with a default": ("    color: str\n", "    color: str\n    weight: int = 1\n"),
    "comment": ("LIMIT = 3", "LIMIT = 3  # not more"),
}


def check_config_core(run_release, copy):
    """Return what was broken in config-core, and the names of the other checks that failed."""
    run_release(copy, "record")
    failures = json.loads(run_release(copy, "check", "--package", "config-core", "--json")[1])
    breaks = [failure for failure in failures if failure["check"] == "api-break"]
    return breaks, {failure["check"] for failure in failures} - {"api-break"}


@pytest.mark.parametrize(("old", "new", "message"), BREAKS.values(), ids=BREAKS)
def test_break_without_a_version_that_says_so_fails(released, run_release, old, new, message):
    """The same with a new patch version: before 1.0 a break needs a minor one."""
    released.replace(OFFER, old, new)
    released.set_version("config-core", "0.1.1")
    breaks, others = check_config_core(run_release, released)
    assert any(message in found["what"] for found in breaks)
    assert all(found["where"].startswith(OFFER) and "make this 0.2.0" in found["todo"] for found in breaks)
    assert others == set()


@pytest.mark.parametrize(("old", "new"), HARMLESS.values(), ids=HARMLESS)
def test_what_breaks_nothing_passes(released, run_release, old, new):
    """What is private, and what only adds."""
    released.replace(OFFER, old, new)
    assert check_config_core(run_release, released) == ([], set())


def test_new_minor_version_may_rename(released, run_release):
    """0.2.0 may break 0.1.0, as 0.1.1 may not."""
    released.replace(OFFER, AREA, AREA.replace("area", "surface"))
    released.replace(OFFER, '"area"', '"surface"')
    released.set_version("config-core", "0.1.1")
    (broken,), _ = check_config_core(run_release, released)
    assert broken["what"].startswith("config_core.offer.area: no longer offered")
    released.set_version("config-core", "0.2.0")
    assert check_config_core(run_release, released) == ([], set())


def test_break_after_1_0_needs_a_major_version(released, run_release):
    """1.1.0 may not break 1.0.0."""
    released.set_version("config-core", "1.0.0")
    run_release(released, "record")
    released.tag("config-core")
    released.replace(OFFER, '"LIMIT", ', "")
    released.set_version("config-core", "1.1.0")
    assert "make this 2.0.0" in check_config_core(run_release, released)[0][0]["todo"]


def test_face_that_is_gone_breaks_all_that_it_offered(released, run_release):
    """Each of its names is told, with the file as it was released."""
    (released.root / OFFER).unlink()
    released.set_version("config-core", "0.1.1")
    breaks, _ = check_config_core(run_release, released)
    assert {found["what"].partition(":")[0].rpartition(".")[2] for found in breaks} == {
        "Circle", "Closer", "LIMIT", "Paint", "Pen", "Shape", "area",
    }  # fmt: skip
    assert {found["where"].partition(" ")[2] for found in breaks} == {"in config-core-v0.1.0"}


def test_what_moves_behind_a_face_passes(released, run_release):
    """Where a name is defined is nobody's business."""
    source = (released.root / OFFER).read_text(encoding="utf-8")
    released.write(OFFER.replace("offer", "_offer"), source)
    names = "LIMIT, Circle, Closer, Paint, Pen, Shape, area"
    released.write(OFFER, f'"""A face."""\n\nfrom config_core._offer import {names}\n\n__all__ = {names.split(", ")}\n')
    assert check_config_core(run_release, released) == ([], set())


def test_break_that_several_faces_show_is_told_once(released, run_release):
    """By the shortest name that programs may use."""
    path = "packages/config-core/src/config_core/checkpoint/_opening.py"
    released.replace(path, "def open_checkpoint(", "def open_checkpoint(\n    new_parameter: int,")
    released.set_version("config-core", "0.1.1")
    breaks, _ = check_config_core(run_release, released)
    assert {found["what"].partition(":")[0] for found in breaks} == {"config_core.open_checkpoint"}
