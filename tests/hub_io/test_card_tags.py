"""Tags are added to a model card that people wrote, and nothing else in it changes."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_io import HUB_SERVICE, PushRefusedError

# Before and after adding "new".
CARDS = {
    "block list": (
        "---\nlicense: mit  # ours\ntags:\n- old\n- 'quoted'\nmodel-index: []\n---\nText.\n",
        "---\nlicense: mit  # ours\ntags:\n- old\n- 'quoted'\n- new\nmodel-index: []\n---\nText.\n",
    ),
    "indented list": ("---\ntags:\n  - old   # why\n---\n", "---\ntags:\n  - old   # why\n  - new\n---\n"),
    "list in one line": ("---\ntags: [old, 'x']\n---\n", "---\ntags: [old, 'x', new]\n---\n"),
    "list over lines": ("---\ntags: [\n  old,\n]\n---\n", "---\ntags: [\n  old,\nnew]\n---\n"),
    "empty list": ("---\ntags: []\n---\n", "---\ntags: [new]\n---\n"),
    "no value": ("---\ntags:\nlicense: mit\n---\n", "---\ntags: [new]\nlicense: mit\n---\n"),
    "no value with a comment": ("---\ntags:   # none yet\n---\n", "---\ntags: [new]   # none yet\n---\n"),
    "null": ("---\ntags: null\n---\n", "---\ntags: [new]\n---\n"),
    "no tags": ("---\nlicense: mit\n---\nText.\n", "---\nlicense: mit\ntags:\n- new\n---\nText.\n"),
    "no tags, a comment": ("---\nlicense: mit # x\n---\n", "---\nlicense: mit # x\ntags:\n- new\n---\n"),
    "no metadata": ("# Mine\n", "---\ntags:\n- new\n---\n\n# Mine\n"),
    "empty metadata": ("---\n\n---\n# Mine\n", "---\ntags:\n- new\n---\n# Mine\n"),
    "empty card": ("", "---\ntags:\n- new\n---\n\n"),
    "lines of Windows": (
        "---\r\nlicense: mit\r\ntags:\r\n- old\r\n---\r\nText.\r\n",
        "---\r\nlicense: mit\r\ntags:\r\n- old\r\n- new\r\n---\r\nText.\r\n",
    ),
    "quoting and order": (
        '---\nzeta: "1"\nalpha: \'2\'\ntags:\n- "old"\n---\n',
        '---\nzeta: "1"\nalpha: \'2\'\ntags:\n- "old"\n- new\n---\n',
    ),
    "merge keys": (
        "---\na: &a {x: 1}\nb:\n  <<: *a\ntags: [old]\n---\n",
        "---\na: &a {x: 1}\nb:\n  <<: *a\ntags: [old, new]\n---\n",
    ),
    "kept line ends": ("---\ntext: |+\n  a\n\n\n---\n", "---\ntext: |+\n  a\n\n\ntags:\n- new\n---\n"),
    "blanks at the end": (
        "---\ntitle: foo\u3000\nlicense: mit   \n\n\n---\n",
        "---\ntitle: foo\u3000\nlicense: mit   \n\n\ntags:\n- new\n---\n",
    ),
    "an indented block": ("---\n  license: mit\n---\n", "---\n  license: mit\n  tags:\n  - new\n---\n"),
    "a byte order mark": ("\ufeff---\nlicense: mit\n---\n", "\ufeff---\nlicense: mit\ntags:\n- new\n---\n"),
    "rule in the text": ("---\nlicense: mit\n---\nA\n---\nB\n", "---\nlicense: mit\ntags:\n- new\n---\nA\n---\nB\n"),
}


@pytest.fixture
def push(hub, tmp_path):
    """Return a function that pushes a config with tags over a repository with a card, and returns the card."""
    (tmp_path / "config.json").write_text('{"model_type": "tiny"}', encoding="utf-8")

    def publish(card, *tags):
        hub.create_repo("me/tiny", {"README.md": card})
        HUB_SERVICE.publish(tmp_path, "me/tiny", token=hub.token("me"), tags=tags)
        return hub.files("me/tiny")["README.md"].decode()

    return publish


@pytest.mark.filterwarnings("ignore:Warnings while validating metadata")  # the Hub does not look past a byte order mark
@pytest.mark.parametrize("name", CARDS)
def test_tag_is_added_and_nothing_else_changes(push, name):
    """Comments, quotes, order, indentation and line ends are the author's."""
    before, after = CARDS[name]
    assert push(before, "new") == after


@pytest.mark.filterwarnings("ignore:Warnings while validating metadata")
@pytest.mark.parametrize("name", CARDS)
def test_card_that_has_the_tag_is_not_touched(push, name):
    """Adding it again is no change."""
    _, after = CARDS[name]
    assert push(after, "new") == after


@pytest.mark.parametrize("tag", ["c++", "a b", "yes", "1.0", "x: y", "- x", "#x", "ü", "it's", '"', "{}", "a,b", ""])
def test_tag_of_any_letters_arrives_as_it_is(push, tag):
    """What YAML would read as something else is quoted."""
    card = push("---\ntags:\n- old\n---\n", tag)
    assert yaml.safe_load(card.split("---\n")[1])["tags"] == ["old", tag]


REFUSED = {
    "an alias": "---\na: &a [old]\ntags: *a\n---\n",
    "braces": "---\n{license: mit, tags: [old]}\n---\n",
    "a text": "---\ntags: old\n---\n",
    "lists of lists": "---\ntags: [[1]]\n---\n",
    "an anchor that others use": "---\ntags: &t [old]\nkeywords: *t\n---\n",
    "tags that are merged in": "---\nbase: &b\n  tags: [old]\n<<: *b\n---\n",
    "a block that does not end": "---\nlicense: mit\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_tags_that_cannot_be_added_to_alone_are_left(hub, tmp_path, name):
    """The error says why, and the card on the Hub stays."""
    (tmp_path / "config.json").write_text('{"model_type": "tiny"}', encoding="utf-8")
    hub.create_repo("me/tiny", {"README.md": REFUSED[name]})
    with pytest.raises(PushRefusedError, match=r"No tags can be added to the model card README\.md of 'me/tiny'"):
        HUB_SERVICE.publish(tmp_path, "me/tiny", token=hub.token("me"), tags=["new"])
    assert hub.files("me/tiny")["README.md"].decode() == REFUSED[name]


@pytest.mark.parametrize("tag", ["\ud800", "\x85", "\x7f", "a\nb", 3])
@pytest.mark.parametrize("card", ["# Mine\n", "---\ntags: [old]\n---\n"])
def test_tag_that_cannot_be_written_is_refused(hub, tmp_path, card, tag):
    """Neither YAML nor a page has a place for it."""
    (tmp_path / "config.json").write_text('{"model_type": "tiny"}', encoding="utf-8")
    hub.create_repo("me/tiny", {"README.md": card})
    with pytest.raises(PushRefusedError, match="printable characters"):
        HUB_SERVICE.publish(tmp_path, "me/tiny", token=hub.token("me"), tags=[tag])


def test_card_on_the_hub_that_the_hub_refuses_is_a_card_error(hub, tmp_path):
    """It was accepted by an older Hub, perhaps; with a tag more it would not be."""
    (tmp_path / "config.json").write_text('{"model_type": "tiny"}', encoding="utf-8")
    hub.create_repo("me/tiny", {"README.md": "---\nlicense: 3\n---\n"})
    with pytest.raises(PushRefusedError, match="cannot be pushed to 'me/tiny'"):
        HUB_SERVICE.publish(tmp_path, "me/tiny", token=hub.token("me"), tags=["new"])


def test_damaged_card_in_the_cache_is_not_pushed_back(hub, tmp_path):
    """What is changed is the card on the Hub, and not what a download has left here."""
    (tmp_path / "config.json").write_text('{"model_type": "tiny"}', encoding="utf-8")
    hub.create_repo("me/tiny", {"README.md": "Text!\n"})
    cached = HUB_SERVICE.open("me/tiny").local_path("README.md").resolve()
    cached.chmod(0o644)
    cached.write_text("TexX!\n", encoding="utf-8")
    HUB_SERVICE.publish(tmp_path, "me/tiny", token=hub.token("me"), tags=["new"])
    assert hub.files("me/tiny")["README.md"].decode().endswith("Text!\n")


@pytest.mark.usefixtures("hub")
def test_tags_given_as_one_text_are_refused(tmp_path):
    """They would be taken letter by letter."""
    with pytest.raises(TypeError, match=r"Pass tags=\['digits'\]"):
        HUB_SERVICE.publish(tmp_path, "me/tiny", tags="digits")


NAMES = st.text(alphabet="abc-_ üé1'\"#:", min_size=1, max_size=8)
LINES = st.lists(st.sampled_from(["license: mit", "a: 'b'  # c", "", "# comment", "x:\n  y: [1, 2]"]), max_size=4)


@settings(deadline=None)
@given(
    before=LINES, present=st.lists(NAMES, max_size=3), after=LINES, new=NAMES, line_end=st.sampled_from(["\n", "\r\n"])
)
def test_metadata_with_a_tag_more_is_the_same_but_for_the_tag(before, present, after, new, line_end):
    """Whatever stands around the tags, and however they are quoted."""
    from hub_io.hub._card_metadata import add_tags

    tags = ["tags:", *(f"  - {yaml.safe_dump(tag, allow_unicode=True, width=999).splitlines()[0]}" for tag in present)]
    metadata = line_end.join("\n".join([*before, *tags, *after]).split("\n"))
    card = f"---{line_end}{metadata}{line_end}---{line_end}Text.{line_end}"
    try:
        expected = yaml.safe_load(metadata)
    except yaml.YAMLError:
        return
    changed = add_tags(card, [new], source="me/tiny")
    assert changed.endswith(f"{line_end}---{line_end}Text.{line_end}")
    read = yaml.safe_load(re.split(r"^---\s*$", changed, flags=re.MULTILINE)[1])
    kept = expected["tags"] or []
    assert read == {**expected, "tags": kept if new in kept else [*kept, new]}
    assert changed.count("\r\n") in {0, changed.count("\n")}
