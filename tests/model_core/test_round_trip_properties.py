"""Models drawn at random: what is saved is loaded, whatever it is called, shaped, tied and split."""

from __future__ import annotations

import tempfile

from hypothesis import given, settings
from hypothesis import strategies as st

from model_core_zoo.differences import differences
from model_core_zoo.random_trees import TreeConfig, TreeModel, filled, shard_sizes, tied, trees

FEW = settings(deadline=None, max_examples=30)


@FEW
@given(tree=trees(), seed=st.integers(0, 99), max_shard_size=shard_sizes, choice=st.randoms(use_true_random=False))
def test_any_model_comes_back(tree, seed, max_shard_size, choice):
    """Bit for bit and with every flag. What was tied by hand, which the class does not do, is equal and apart."""
    model = tied(filled(TreeModel(TreeConfig(tree)), seed), lambda: choice.random() < 0.5).eval()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, max_shard_size=max_shard_size)
        loaded = TreeModel.from_pretrained(folder)
    assert [text for text in differences(model, loaded) if not text.startswith("ties: ")] == []
    assert len(list(loaded.parameters())) == len(list(loaded.named_parameters(remove_duplicate=False)))
    assert loaded.config.tree == tree


@FEW
@given(
    trees=st.tuples(trees(depth=1), trees(depth=1)), sizes=st.tuples(shard_sizes, shard_sizes), seed=st.integers(0, 99)
)
def test_any_model_may_be_saved_over_any_other(trees, sizes, seed):
    """Nothing of the first is seen afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        for tree, max_shard_size in zip(trees, sizes, strict=True):
            model = filled(TreeModel(TreeConfig(tree)), seed).eval()
            model.save_pretrained(folder, max_shard_size=max_shard_size)
        assert differences(model, TreeModel.from_pretrained(folder)) == []
