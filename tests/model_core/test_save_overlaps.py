"""Loads while somebody saves to the same folder: one checkpoint as a whole, or an error that says so."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from config_core import FolderCheckpoint
from model_core import WeightsFileError
from model_core_zoo.versioned_models import VersionedModel, found_versions, versioned_model
from tiny_models import TinyConfig, TinyModel


@pytest.mark.parametrize("sizes", [("1GB", "1GB"), ("20KB", "20KB"), ("1GB", "20KB")])
def test_load_during_saves_is_whole_or_an_error(tmp_path, sizes):
    """Never the config of one save with the weights of another, nor weights of two."""
    models = [versioned_model(version, width=64) for version in (1, 2)]
    models[0].save_pretrained(tmp_path, max_shard_size=sizes[0])

    def save():
        for _ in range(20):
            for model, max_shard_size in zip(models, sizes, strict=True):
                model.save_pretrained(tmp_path, max_shard_size=max_shard_size)

    with ThreadPoolExecutor(1) as pool:
        saving = pool.submit(save)
        while not saving.done():
            try:
                config, weights = found_versions(tmp_path)
            except OSError:
                continue
            assert weights == [config]
        saving.result()
    assert found_versions(tmp_path) == (2, [2])


@pytest.mark.parametrize("save", ["all", "config"])
def test_load_that_a_save_overtook_is_an_error(tmp_path, save):
    """Here the constructor saves, between the config and the weights."""

    class Overtaken(TinyModel):
        def __init__(self, config):
            super().__init__(config)
            other = TinyModel(TinyConfig())
            (other if save == "all" else other.config).save_pretrained(tmp_path)

    TinyModel(TinyConfig()).save_pretrained(tmp_path)
    with pytest.raises(WeightsFileError, match=r"Load (it )?again"):
        Overtaken.from_pretrained(tmp_path)


def test_load_of_an_older_checkpoint_object_is_an_error_once_its_folder_was_saved_to(tmp_path):
    """The Auto classes choose the class by its config; the weights must be those of that config."""
    versioned_model(1, width=4).save_pretrained(tmp_path)
    checkpoint = FolderCheckpoint(tmp_path)
    assert VersionedModel.from_pretrained(checkpoint).config.version == 1
    versioned_model(2, width=4).save_pretrained(tmp_path)
    with pytest.raises(WeightsFileError, match="Load it again"):
        VersionedModel.from_pretrained(checkpoint)
    assert VersionedModel.from_pretrained(FolderCheckpoint(tmp_path)).config.version == 2


@pytest.mark.parametrize("sizes", [("1GB", "20KB"), ("20KB", "1GB")])
def test_load_whose_files_a_save_has_removed_does_not_call_them_damaged(tmp_path, sizes):
    """Another layout removes the files of the earlier one; there is nothing to download or to copy again."""
    versioned_model(1, width=64).save_pretrained(tmp_path, max_shard_size=sizes[0])
    checkpoint = FolderCheckpoint(tmp_path)
    versioned_model(2, width=64).save_pretrained(tmp_path, max_shard_size=sizes[1])
    with pytest.raises(WeightsFileError, match=r"was saved to while it was being loaded\. Load it again"):
        VersionedModel.from_pretrained(checkpoint)
