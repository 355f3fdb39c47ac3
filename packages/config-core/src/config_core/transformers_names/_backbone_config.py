"""Configs of backbones, which say of which stages a model returns feature maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "BackboneConfigMixin",
    "get_aligned_output_features_output_indices",
    "verify_out_features_out_indices",
]


class BackboneConfigMixin:
    """The part of a config that has the stages.

    `out_features` are some of `stage_names`, and `out_indices` are their numbers.
    """

    _out_features: Any = None
    _out_indices: Any = None

    def set_output_features_output_indices(
        self, out_features: Sequence[str] | None, out_indices: Sequence[int] | None
    ) -> None:
        """Choose the stages by name or by number; the last one if neither is given.

        Raises:
            ValueError: The names or numbers are wrong.
        """
        features = None if out_features is None else list(out_features)
        stages: Any = getattr(self, "stage_names", None)
        chosen = get_aligned_output_features_output_indices(features, out_indices, stages)
        self._out_features, self._out_indices = chosen

    def verify_out_features_out_indices(self) -> None:
        """Check the names and numbers.

        Raises:
            ValueError: They are no stages, in another order, repeated, or contradict each other.
        """
        names: Any = getattr(self, "stage_names", None)
        verify_out_features_out_indices(self._out_features, self._out_indices, names)

    @property
    def out_features(self) -> list[str] | None:
        """Names of the stages. Assigning them changes `out_indices`."""
        features: list[str] | None = self._out_features
        return features

    @out_features.setter
    def out_features(self, out_features: list[str] | None) -> None:
        self.set_output_features_output_indices(out_features, None)

    @property
    def out_indices(self) -> list[int] | None:
        """Numbers of the stages. Assigning them changes `out_features`."""
        indices: list[int] | None = self._out_indices
        return indices

    @out_indices.setter
    def out_indices(self, out_indices: Sequence[int] | None) -> None:
        self.set_output_features_output_indices(None, out_indices)

    def to_dict(self) -> dict[str, Any]:
        """Return the values of the config, with the stages."""
        values: dict[str, Any] = super().to_dict()  # type: ignore[misc]
        return {**values, "out_features": self._out_features, "out_indices": self._out_indices}


def get_aligned_output_features_output_indices(
    out_features: Sequence[str] | None, out_indices: Sequence[int] | None, stage_names: list[str]
) -> tuple[list[str], list[int]]:
    """Return names and numbers of the stages, of which one may be missing; the last stage if both are.

    Raises:
        ValueError: The names or numbers are wrong.
    """
    indices = None if out_indices is None else list(out_indices)
    verify_out_features_out_indices(out_features, indices, stage_names)
    if indices is None:
        features = [stage_names[-1]] if out_features is None else list(out_features)
        return features, [stage_names.index(name) for name in features]
    return [stage_names[number] for number in indices], indices


def verify_out_features_out_indices(
    out_features: Sequence[str] | None, out_indices: Sequence[int] | None, stage_names: list[str] | None
) -> None:
    """Check names and numbers of stages.

    Raises:
        ValueError: They are no stages, in another order, repeated, or contradict each other.
    """
    if stage_names is None:
        raise ValueError("A backbone needs stage_names.")
    for field, given, stages in (
        ("out_features", out_features, stage_names),
        ("out_indices", out_indices, list(range(len(stage_names)))),
    ):
        if given is None:
            continue
        if not isinstance(given, list):
            raise ValueError(f"{field} must be a list, got {given!r}.")  # noqa: TRY004 - transformers'
        places: list[Any] = [item + len(stages) if isinstance(item, int) and item < 0 else item for item in given]
        if places != [stage for stage in stages if stage in places]:
            raise ValueError(f"{field} must be some of {stages}, in this order, got {given}.")
    if out_features is not None and out_indices is not None and [stage_names[i] for i in out_indices] != out_features:
        raise ValueError(f"out_features {out_features} and out_indices {out_indices} must be the same stages.")
