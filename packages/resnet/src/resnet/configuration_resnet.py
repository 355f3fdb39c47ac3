"""`ResnetConfig`: which ResNet to build. Needs neither torch nor timm."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from config_core import ConfigError, PretrainedConfig

__all__ = ["ResnetConfig"]

_PerStage = tuple[int, int, int, int]
_BLOCK_TYPES = ("basic", "bottleneck")
_BASIC_BLOCK_BASE_WIDTH = 64
_TIERED_STEM_STEP = 4


class ResnetConfig(PretrainedConfig):
    """Config of `ResnetModel` and `ResnetModelForImageClassification`: the ResNets that timm's `ResNet` can build.

    The defaults are a ResNet-50. Every network has a stem, four stages of blocks, and a classifier.

    Args:
        block_type: Kind of the blocks, `"basic"` or `"bottleneck"`, or four kinds, one a stage.
        layers: Number of blocks in each of the four stages.
        num_classes: Number of classes; `num_labels` is another name of it. With 0 there is no classifier, and the model
            gives the pooled features and takes no labels.
        input_channels: Channels of an image.
        cardinality: Groups of the 3x3 convolution of a bottleneck block (ResNeXt); 1 with basic blocks.
        base_width: Width of a bottleneck block for 64 channels of its stage; 64 with basic blocks.
        stem_width: Channels of the stem's first convolutions. A stem that is not deep always has 64.
        stem_type: One 7x7 convolution (`""`), or three 3x3 convolutions of `stem_width`, `stem_width` and twice that
            (`"deep"`); `"deep-tiered"` starts with three quarters of it.
        avg_down: Whether a shortcut that halves the resolution averages before its 1x1 convolution.
        channels: Channels of each stage; a bottleneck block gives four times as many.
        output_stride: Side of the image over side of the last features. Below 32, later stages dilate, not stride.
        replace_stem_pool: Whether a strided 3x3 convolution takes the place of the stem's max pooling.
        block_reduce_first: Divides the width of the first convolution of each block.
        down_kernel_size: Kernel of the shortcuts' convolutions.
        act_layer: Activation.
        norm_layer: Normalisation.
        aa_layer: What smooths before striding: nothing, average pooling or a blur.
        attn_layer: Channel attention at the end of each block: none, squeeze-and-excitation or efficient channel
            attention.
        attn_rd_ratio: Share of the channels that squeeze-and-excitation keeps inside; timm's own 1/16 if None.
        drop_rate: Probability that training drops a feature before the classifier.
        drop_path_rate: Probability that training skips the last block; earlier blocks less, in proportion.
        drop_block_rate: Probability that training drops a patch of the last two stages' features.
        **kwargs: Fields of `PretrainedConfig`; `problem_type` among them is what the classifier's loss is.

    Raises:
        ConfigValidationError: A field has a value of the wrong type, or none of those that are allowed.
        ConfigError: A number is out of range, or two fields contradict each other.
    """

    model_type = "resnet"
    attribute_map: ClassVar[dict[str, str]] = {"num_labels": "num_classes"}

    def __init__(  # noqa: PLR0917 - the guide's fields keep their places
        self,
        block_type: str | tuple[str, str, str, str] = "bottleneck",
        layers: _PerStage = (3, 4, 6, 3),
        num_classes: int = 1000,
        input_channels: int = 3,
        cardinality: int = 1,
        base_width: int = 64,
        stem_width: int = 64,
        stem_type: Literal["", "deep", "deep-tiered"] = "",
        avg_down: bool = False,  # noqa: FBT001, FBT002 - one of them
        *,
        channels: _PerStage = (64, 128, 256, 512),
        output_stride: Literal[8, 16, 32] = 32,
        replace_stem_pool: bool = False,
        block_reduce_first: int = 1,
        down_kernel_size: Literal[1, 3] = 1,
        act_layer: Literal["relu", "leaky_relu", "silu", "gelu"] = "relu",
        norm_layer: Literal["batchnorm2d", "groupnorm"] = "batchnorm2d",
        aa_layer: Literal["", "avg", "blur"] = "",
        attn_layer: Literal["", "se", "eca"] = "",
        attn_rd_ratio: float | None = None,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        drop_block_rate: float = 0.0,
        **kwargs: Any,
    ) -> None:
        self.block_type = block_type
        self.layers = layers
        self.num_classes = num_classes
        self.input_channels = input_channels
        self.cardinality = cardinality
        self.base_width = base_width
        self.stem_width = stem_width
        self.stem_type = stem_type
        self.avg_down = avg_down
        self.channels = channels
        self.output_stride = output_stride
        self.replace_stem_pool = replace_stem_pool
        self.block_reduce_first = block_reduce_first
        self.down_kernel_size = down_kernel_size
        self.act_layer = act_layer
        self.norm_layer = norm_layer
        self.aa_layer = aa_layer
        self.attn_layer = attn_layer
        self.attn_rd_ratio = attn_rd_ratio
        self.drop_rate = drop_rate
        self.drop_path_rate = drop_path_rate
        self.drop_block_rate = drop_block_rate
        super().__init__(**kwargs)

    @property
    def block_types(self) -> tuple[str, ...]:
        """Kind of the blocks of each of the four stages."""
        return (self.block_type,) * len(self.layers) if isinstance(self.block_type, str) else self.block_type

    def validate(self) -> None:
        """Check every field, and what the fields say together.

        Raises:
            ConfigError: A value is wrong.
        """
        super().validate()
        self._check_ranges()
        self._check_blocks()
        if self.attn_rd_ratio is not None and self.attn_layer != "se":
            raise ConfigError(
                f"ResnetConfig.attn_rd_ratio: it belongs to attn_layer='se', got attn_layer={self.attn_layer!r}."
            )
        if self.stem_type == "deep-tiered" and self.stem_width < _TIERED_STEM_STEP:
            raise ConfigError(f"ResnetConfig.stem_width: expected at least 4 for 'deep-tiered', got {self.stem_width}.")

    def _check_ranges(self) -> None:
        least = {
            "num_classes": 0,
            "input_channels": 1,
            "cardinality": 1,
            "base_width": 1,
            "stem_width": 1,
            "block_reduce_first": 1,
        }
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise ConfigError(f"ResnetConfig.{name}: expected at least {smallest}, got {getattr(self, name)}.")
        for name in ("layers", "channels"):
            for stage, value in enumerate(getattr(self, name)):
                if value < 1:
                    raise ConfigError(f"ResnetConfig.{name}[{stage}]: expected at least 1, got {value}.")
        for name in ("drop_rate", "drop_path_rate", "drop_block_rate"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"ResnetConfig.{name}: expected a probability below 1, got {getattr(self, name)}.")
        if self.attn_rd_ratio is not None and not 0 < self.attn_rd_ratio <= 1:
            raise ConfigError(
                f"ResnetConfig.attn_rd_ratio: expected a share of the channels, got {self.attn_rd_ratio}."
            )

    def _check_blocks(self) -> None:
        for block in self.block_types:
            if block not in _BLOCK_TYPES:
                raise ConfigError(f"ResnetConfig.block_type: expected 'basic' or 'bottleneck', got {block!r}.")
        if "basic" in self.block_types and (self.cardinality != 1 or self.base_width != _BASIC_BLOCK_BASE_WIDTH):
            raise ConfigError(
                "ResnetConfig.block_type: 'basic' blocks have cardinality 1 and base_width 64, got "
                f"{self.cardinality} and {self.base_width}. 'bottleneck' blocks may have others."
            )
        for stage, (block, channels) in enumerate(zip(self.block_types, self.channels, strict=True)):
            width = channels if block == "basic" else channels * self.base_width // 64 * self.cardinality
            if width < self.block_reduce_first:
                raise ConfigError(
                    f"ResnetConfig.channels[{stage}]: {channels} channels leave the blocks of this stage none, with "
                    f"base_width={self.base_width} and block_reduce_first={self.block_reduce_first}."
                )
