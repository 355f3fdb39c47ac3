"""Errors that a worker process sends home."""

from __future__ import annotations

import pickle

import pytest
import torch

from model_core import ModelCoreError, WeightsMismatchError
from tiny_models import HeadModel, TinyConfig, TinyModel


def load_into_another(folder):
    TinyModel(TinyConfig()).save_pretrained(folder)
    HeadModel.from_pretrained(folder)


def load_damaged(folder):
    TinyModel(TinyConfig()).save_pretrained(folder)
    (folder / "model.safetensors").write_bytes(b"damaged")
    TinyModel.from_pretrained(folder)


def save_unsavable(folder):
    TinyModel(TinyConfig()).save_pretrained(folder, state_dict={"weight": torch.ones(2).to_sparse()})


def make_of_no_config(_folder):
    TinyModel(object())


@pytest.mark.parametrize("call", [load_into_another, load_damaged, save_unsavable, make_of_no_config])
def test_error_survives_a_pickle(tmp_path, call):
    """With its message and what it carries; only what itself cannot be pickled stays behind."""
    with pytest.raises(ModelCoreError) as caught:
        call(tmp_path)
    twin = pickle.loads(pickle.dumps(caught.value))
    assert (type(twin), str(twin)) == (type(caught.value), str(caught.value))
    carried = vars(caught.value).keys() - {"config"}
    assert carried <= vars(twin).keys()


def test_report_of_an_error_survives_a_pickle(tmp_path):
    """It says what did not fit, in the process that asked."""
    with pytest.raises(WeightsMismatchError) as caught:
        load_into_another(tmp_path)
    assert pickle.loads(pickle.dumps(caught.value)).report == caught.value.report


def test_error_about_a_class_of_a_function_survives_a_pickle():
    """Such a class cannot be found elsewhere."""

    class Local(TinyModel):
        """A class that only this function knows."""

    with pytest.raises(ModelCoreError) as caught:
        Local(None)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
