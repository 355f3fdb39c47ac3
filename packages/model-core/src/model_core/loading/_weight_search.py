"""Advice about weights that were not found or read: what a checkpoint or file holds instead, and what to do."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch

from config_core.checkpoint import HubOptions, existing_path, kind_of_folder, parse_weight_file
from model_core.errors import WeightsFileError
from model_core.load_report import shortened
from model_core.loading._file_types import holds_other_type, name_of_other_type, remedy_for_name
from model_core.loading._legacy_file import how_to_read, read_legacy_file, refused_classes
from model_core.loading._python_code import code_of_arguments, code_to_read, hub_arguments, hub_options_of
from model_core.loading._safetensors_file import SafetensorsFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from config_core.checkpoint import Checkpoint
    from model_core.state_dicts import CodeOfCall

__all__ = ["WeightSearch", "file_of_weights"]

_MAX_SHOWN = 8
_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".pth.tar", ".th")
# What trainers of transformers and accelerate write beside the weights, and adapters, which have a hint of their own.
_NO_WEIGHTS = (
    "adapter_model.",
    "optimizer",
    "random_states",
    "rng_state",
    "sampler",
    "scaler",
    "scheduler",
    "training_args.",
)
_OTHER_FORMATS = (
    ".eqx",
    ".gguf",
    ".h5",
    ".joblib",
    ".keras",
    ".mlmodel",
    ".msgpack",
    ".npz",
    ".onnx",
    ".orbax",
    ".ot",
    ".pb",
    ".pdparams",
    ".pkl",
    ".pt2",
    ".tflite",
)


class WeightSearch(NamedTuple):
    """A search for the weights of a checkpoint, which explains what it finds instead.

    Attributes:
        checkpoint: The checkpoint. Nothing of it is downloaded for advice.
        variant: Part of the file names, or None.
        allow_pickle: Whether pickles may be read, or looked into for advice.
        code_of_call: As for `nested_state_dict`.
    """

    checkpoint: Checkpoint
    variant: str | None
    allow_pickle: bool
    code_of_call: CodeOfCall

    def hints(self) -> list[str]:
        """Return sentences about where weights may be that were not found."""
        filenames = self.checkpoint.first_filenames()
        weights = {name: found for name in sorted(filenames) if (found := parse_weight_file(name)) is not None}
        at_top = [found for found in weights.values() if not found.folder]
        whole = [found for found in at_top if found.shard is None]
        hints = []
        variants = sorted({found.variant for found in whole if found.variant and found.variant != self.variant})
        if self.variant is not None and any(found.variant is None for found in whole):
            hints.append("It has weights without a variant: leave out variant=.")
        if variants:
            hints.append(f"It has a variant: pass {_or(f'variant={name!r}' for name in variants)}.")
        others = [name for name, found in weights.items() if found in whole and found.variant != self.variant]
        if len(others) == 1:
            hints += self._about_variant(others[0], weights[others[0]].variant)
        if any(found.shard for found in at_top) and not whole:
            hints.append("It has shards but no index, which says what they hold: download or copy that, too.")
        if folders := sorted({found.folder for found in weights.values() if found.folder}):
            hints.append(f"There are weights in folders: pass {_or(f'subfolder={name!r}' for name in folders)}.")
        if not whole:
            hints += filter(None, [kind_of_folder(filenames)])
            hints += [*self._distributed_formats(), *self._other_formats()]
        return hints

    def _about_variant(self, filename: str, variant: str | None) -> Iterator[str]:
        """Yield the whole call for the only variant that a folder has, or what is wrong with its file."""
        if self.checkpoint.commit is not None or not (self.allow_pickle or filename.endswith(".safetensors")):
            return
        try:
            tensors = self._tensors_in(self.checkpoint.local_path(filename))
        except OSError as error:
            yield f"{error}."
            return
        yield f"The whole call: {self.code_of_call(tensors, repr(variant), argument='variant')}."

    def _distributed_formats(self) -> Iterator[str]:
        """Yield what to do with what several processes have written."""
        filenames = self.checkpoint.first_filenames()
        if parts := sorted(name for name in filenames if name.endswith(".distcp")):
            folder = (
                self.checkpoint.name if self.checkpoint.commit else str(self.checkpoint.local_path(parts[0]).parent)
            )
            yield (
                "Convert the checkpoint of torch.distributed with "
                f"torch.distributed.checkpoint.format_utils.dcp_to_torch_save({folder!r}, 'weights.pt'). Then: "
                f"{self.code_of_call({}, code_to_read(repr('weights.pt'), is_safetensors=False))}."
            )
        if "latest" in filenames and self.checkpoint.commit is None and "DeepSpeed" in kind_of_folder(filenames):
            path = repr(str(self.checkpoint.local_path("latest").parent))
            code = f"deepspeed.utils.zero_to_fp32.get_fp32_state_dict_from_zero_checkpoint({path})"
            yield f"If you trust the files, which DeepSpeed unpickles: {self.code_of_call({}, code)}."

    def _other_formats(self) -> list[str]:
        """Return what to do with files at the top that hold weights under other names or in other formats."""
        top = sorted(name for name in self.checkpoint.first_filenames() if "/" not in name)
        hints = []
        for suffix in _SUFFIXES:
            named = [name for name in top if name.endswith(suffix) and parse_weight_file(name) is None]
            named = [name for name in named if not name.startswith(_NO_WEIGHTS) and self.checkpoint.has(name)]
            if named:
                hints.append(self.call_for_file(named[0]))
                break
        if foreign := [name for name in top if name.endswith(_OTHER_FORMATS) and self.checkpoint.has(name)]:
            here = self.checkpoint.commit is None
            remedy = remedy_for_name(self.checkpoint.local_path(foreign[0]) if here else Path(foreign[0]))
            hints.append(f"Formats of other libraries are not read: {shortened(foreign)}. {remedy}.")
        return hints

    def call_for_file(self, filename: str) -> str:
        """Return what to do with a file of another name, which is looked into if that needs no download."""
        is_safetensors = filename.endswith(".safetensors")
        if not (is_safetensors or self.allow_pickle):
            return (
                f"use_safetensors=True excludes {filename}: if it holds the weights, leave that out, or rename the file"
                " to model.safetensors if it is a safetensors file."
            )
        tensors: Mapping[str, torch.Tensor] = {}
        if self.checkpoint.commit is None:
            try:
                tensors = self._tensors_in(self.checkpoint.local_path(filename))
            except OSError as error:
                return f"{error}."  # with the call that reads the file, if there is one
        code = code_to_read(_code_for_path(self.checkpoint, filename), is_safetensors=is_safetensors)
        return f"If {filename} holds the weights: {self.code_of_call(tensors, code)}."

    def _tensors_in(self, path: Path) -> Mapping[str, torch.Tensor]:
        """Return the tensors in a file, from safetensors without their values.

        Raises:
            WeightsFileError: It holds no state dict at its top. The message says where it holds one.
        """
        with self.explaining_other_types():
            if path.suffix == ".safetensors":
                return _described(path)
            return read_legacy_file(path, mapped=True, code_of_call=self.code_of_call)

    @contextmanager
    def explaining_other_types(self) -> Iterator[None]:
        """Add to the error of a safetensors file with the name of another type, or the reverse, how it is loaded."""
        try:
            yield
        except WeightsFileError as error:
            path = error.file
            named = parse_weight_file(path.name) if isinstance(path, Path) else None
            if not isinstance(path, Path) or (named and named.shard) or not holds_other_type(path):
                raise  # a shard holds a part of the model
            if path.suffix != ".safetensors":
                code = code_to_read(repr(str(path)), is_safetensors=True)
                way = f", or load it as it is: {self.code_of_call(_described(path), code)}"
            elif self.allow_pickle:
                place = path.with_name(name_of_other_type(path))
                way = f". {how_to_read(path, refused_classes(path), self.code_of_call, place=place)}"
            else:
                way = ", and leave out use_safetensors=True"
            problem = str(error).removeprefix(f"{path}: ")
            raise WeightsFileError(f"{problem}{way}".removesuffix(". "), file=path) from error


def file_of_weights(source: object) -> Path | None:
    """Return the file that a caller named in place of a checkpoint, if it is one of weights under a name of its own."""
    if not isinstance(source, (str, os.PathLike)) or not os.fspath(source).endswith(_SUFFIXES):
        return None
    path = existing_path(source)
    return path if path is not None and path.is_file() and parse_weight_file(path.name) is None else None


def _described(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors in a safetensors file without their values."""
    stored = SafetensorsFile(path.name, path).tensors
    return {name: torch.empty(tensor.shape, dtype=tensor.dtype, device="meta") for name, tensor in stored.items()}


def _code_for_path(checkpoint: Checkpoint, filename: str) -> str:
    """Return Python code for the path of a file on this machine."""
    if checkpoint.commit is None:
        return repr(str(checkpoint.local_path(filename)))
    options = hub_options_of(checkpoint, HubOptions())
    options = options._replace(subfolder=checkpoint.subfolder, revision=checkpoint.commit, force_download=False)
    arguments = code_of_arguments(hub_arguments(options))
    return f"huggingface_hub.hf_hub_download({checkpoint.name!r}, {filename!r}, {arguments})"


def _or(alternatives: Iterator[str]) -> str:
    return " or ".join(list(alternatives)[:_MAX_SHOWN])
