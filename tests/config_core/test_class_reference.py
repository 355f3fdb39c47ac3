"""The values of auto_map: the three forms that name a class, and everything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config_core import ClassReferenceError
from config_core.code import ClassReference


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("modeling_x.XModel", ClassReference("modeling_x", "XModel")),
        ("sub/modeling_x.XModel", ClassReference("sub/modeling_x", "XModel")),
        ("owner/re-po.1--modeling_x.XModel", ClassReference("modeling_x", "XModel", "owner/re-po.1")),
        ("owner/re--po--modeling_x.XModel", ClassReference("modeling_x", "XModel", "owner/re--po")),
        ("owner/repo--sub/m.C", ClassReference("sub/m", "C", "owner/repo")),
    ],
)
def test_the_three_forms_are_read_and_written(text, expected):
    """A reference is the same text again."""
    reference = ClassReference.parse(text)
    assert reference == expected
    assert str(reference) == text
    assert reference.filename == f"{expected.module}.py"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "expected a string, got NoneType"),
        (["m.C", None], "expected a string, got list"),
        ("", "does not name a class"),
        ("m", "does not name a class"),
        ("m.", "'' is not the name of a class"),
        (".C", "is empty"),
        ("m.C()", "is not the name of a class"),
        ("m.1C", "is not the name of a class"),
        ("a.b.C", "'a.b' is not the name of a module"),
        ("../m.C", "'..'"),
        ("/m.C", "absolute"),
        ("a//m.C", "empty"),
        ("a\\m.C", "special in paths"),
        ("m-x.C", "is not the name of a module"),
        ("aux.C", "device"),
        ("repo--m.C", "'repo' is not a repository"),
        ("--m.C", "'' is not a repository"),
        ("../x--m.C", "is not a repository"),
        ("a/b/c--m.C", "is not a repository"),
        ("https://host/a--m.C", "is not a repository"),
        ("ö/x--m.C", "is not a repository"),
    ],
)
def test_other_values_are_refused_with_what_is_allowed(text, problem):
    """The error keeps the value and shows the three forms."""
    with pytest.raises(ClassReferenceError) as caught:
        ClassReference.parse(text)
    assert problem in str(caught.value)
    assert "'owner/repo--module.Class'" in str(caught.value)
    assert caught.value.reference == text


@given(st.text(alphabet="ab/.-\\_1 é") | st.text())
def test_whatever_is_read_is_written_the_same(text):
    """No value has two readings, and none names a file outside."""
    try:
        reference = ClassReference.parse(text)
    except ClassReferenceError:
        return
    assert ClassReference.parse(str(reference)) == reference
    assert str(reference) == text
    assert ".." not in reference.filename.split("/")
