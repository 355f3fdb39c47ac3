"""`ResnetConfig`: the architecture of a ResNet. Needs neither torch nor timm."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from config_core import ConfigError, PretrainedConfig

__all__ = ["ResnetConfig"]

_PerStage = tuple[int, int, int, int]
_BLOCK_TYPES = ("basic", "bottleneck")
_BASIC_BLOCK_BASE_WIDTH = 64
_TIERED_STEM_STEP = 4
# The largest of each: a config of more is no ResNet that anybody has trained, and building it would not end.
_MOST_LAYERS = 1_000
_MOST_CHANNELS = 65_536
_MOST_CLASSES = 2**24
_MOST_WEIGHTS = 2**32  # of a whole network, four times as many as the largest has; in float32 they take 16 GiB
_GROUPS = 32  # of timm's group normalisation


class ResnetConfig(PretrainedConfig):
    """Config of `ResnetModel` and `ResnetModelForImageClassification`. It describes the networks of timm's `ResNet`.

    The default is a ResNet-50. Every network has a stem, four stages of blocks, and a classifier.

    The parts are from these papers: ResNet (arXiv:1512.03385); `cardinality`, ResNeXt (arXiv:1611.05431);
    `stem_type="deep"` and `avg_down`, "Bag of Tricks" (arXiv:1812.01187); `attn_layer`, squeeze-and-excitation
    (arXiv:1709.01507) and efficient channel attention (arXiv:1910.03151); `aa_layer="blur"`, arXiv:1904.11486;
    `drop_path_rate`, arXiv:1603.09382; `drop_block_rate`, arXiv:1810.12890.

    Args:
        block_type: Block type, `"basic"` or `"bottleneck"`, or one block type for each of the four stages.
        layers: Number of blocks in each of the four stages.
        num_classes: Number of classes; also called `num_labels`. With 0 there is no classifier: the model returns the
            pooled features and takes no labels.
        input_channels: Number of channels of an image.
        cardinality: Number of groups of the 3x3 convolution in a bottleneck block (ResNeXt); 1 with basic blocks.
        base_width: Width of a bottleneck block in a stage with 64 channels; 64 with basic blocks.
        stem_width: Number of channels of the first convolutions in a deep stem. A stem that is not deep always has 64.
        stem_type: One 7x7 convolution (`""`), or three 3x3 convolutions of `stem_width`, `stem_width` and twice that
            (`"deep"`); `"deep-tiered"` starts with three quarters of `stem_width`.
        avg_down: Whether shortcuts that reduce the resolution apply average pooling before a 1x1 convolution.
        channels: Number of channels of each stage; a bottleneck block outputs four times as many.
        output_stride: Ratio of image size to size of the last feature map. Below 32, later stages are dilated instead
            of strided.
        replace_stem_pool: Whether a strided 3x3 convolution replaces the max pooling of the stem.
        block_reduce_first: Divisor of the width of the first convolution in each block.
        down_kernel_size: Kernel size of the convolutions in shortcuts.
        act_layer: Activation function.
        norm_layer: Normalisation layer.
        aa_layer: Anti-aliasing before strided layers: none, average pooling or blur.
        attn_layer: Channel attention at the end of each block: none, squeeze-and-excitation or efficient channel
            attention.
        attn_rd_ratio: Reduction ratio of squeeze-and-excitation; timm's default of 1/16 if None.
        drop_rate: Dropout probability before the classifier.
        drop_path_rate: Stochastic depth: probability of skipping the last block in training. It increases linearly
            from the first block to the last.
        drop_block_rate: DropBlock probability in the last two stages.
        **kwargs: Fields of `PretrainedConfig`. Among them, `problem_type` selects the loss of the classifier.

    Raises:
        ConfigValidationError: A field has a value of the wrong type or not one of the allowed values.
        ConfigError: A number is out of range, or two fields contradict each other.
    """

    model_type = "resnet"
    attribute_map: ClassVar[dict[str, str]] = {"num_labels": "num_classes"}
    foreign_readers: ClassVar[dict[str, str]] = {"timm": "resnet.from_timm"}

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
        """Block type of each stage."""
        return (self.block_type,) * len(self.layers) if isinstance(self.block_type, str) else self.block_type

    def validate(self) -> None:
        """Check each field, and that the fields do not contradict each other.

        Raises:
            ConfigError: A value is invalid.
        """
        super().validate()
        self._check_ranges()
        self._check_blocks()
        self._check_size()
        if self.output_attentions:
            raise ConfigError("ResnetConfig.output_attentions: a ResNet has no attention weights to return. Use False.")
        if self.attn_rd_ratio is not None and self.attn_layer != "se":
            raise ConfigError(
                f"ResnetConfig.attn_rd_ratio: it requires attn_layer='se', got attn_layer={self.attn_layer!r}."
            )
        if self.stem_type == "deep-tiered" and self.stem_width < _TIERED_STEM_STEP:
            raise ConfigError(f"ResnetConfig.stem_width: expected at least 4 for 'deep-tiered', got {self.stem_width}.")
        if self.stem_type:
            first_width = 3 * (self.stem_width // 4) if self.stem_type == "deep-tiered" else self.stem_width
            self._check_groups("stem_width", first_width, self.stem_width)

    def _check_ranges(self) -> None:
        _check_range("num_classes", self.num_classes, 0, _MOST_CLASSES)
        for name in ("input_channels", "cardinality", "base_width", "stem_width", "block_reduce_first"):
            _check_range(name, getattr(self, name), 1, _MOST_CHANNELS)
        for name, most in (("layers", _MOST_LAYERS), ("channels", _MOST_CHANNELS)):
            for stage, value in enumerate(getattr(self, name)):
                _check_range(f"{name}[{stage}]", value, 1, most)
        for name in ("drop_rate", "drop_path_rate", "drop_block_rate"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"ResnetConfig.{name}: expected a probability below 1, got {getattr(self, name)}.")
        if self.attn_rd_ratio is not None and not 0 < self.attn_rd_ratio <= 1:
            raise ConfigError(
                f"ResnetConfig.attn_rd_ratio: expected a ratio above 0 and up to 1, got {self.attn_rd_ratio}."
            )

    def _check_blocks(self) -> None:
        for block in self.block_types:
            if block not in _BLOCK_TYPES:
                raise ConfigError(f"ResnetConfig.block_type: expected 'basic' or 'bottleneck', got {block!r}.")
        if "basic" in self.block_types and (self.cardinality != 1 or self.base_width != _BASIC_BLOCK_BASE_WIDTH):
            raise ConfigError(
                "ResnetConfig.block_type: 'basic' blocks have cardinality 1 and base_width 64, got "
                f"{self.cardinality} and {self.base_width}. Use 'bottleneck' blocks for other values."
            )
        for stage, (block, channels) in enumerate(zip(self.block_types, self.channels, strict=True)):
            width, _ = self._widths(block, channels)
            first_width = width // self.block_reduce_first
            if first_width < 1:
                raise ConfigError(
                    f"ResnetConfig.channels[{stage}]: {channels} is too small: with base_width={self.base_width} and "
                    f"block_reduce_first={self.block_reduce_first}, a block of this stage would have no channels."
                )
            if first_width % self.cardinality:
                raise ConfigError(
                    f"ResnetConfig.block_reduce_first: with {self.block_reduce_first}, the first convolution in a "
                    f"block of stage {stage} has {first_width} channels, which is no multiple of "
                    f"cardinality={self.cardinality}."
                )
            self._check_groups(f"channels[{stage}]", first_width, width, channels)

    def _check_size(self) -> None:
        """Check that the convolutions and the classifier together have no more weights than a network can have."""
        inputs = 2 * self.stem_width if self.stem_type else 64
        weights = 49 * inputs * self.input_channels + (9 * inputs**2 if self.stem_type or self.replace_stem_pool else 0)
        for block, layers, channels in zip(self.block_types, self.layers, self.channels, strict=True):
            width, outputs = self._widths(block, channels)
            first = width // self.block_reduce_first
            shortcut = inputs * outputs * self.down_kernel_size**2
            if block == "basic":
                first_block, other_block = 9 * first * (inputs + width), 9 * first * (outputs + width)
            else:
                inner = 9 * first * width // self.cardinality + width * outputs
                first_block, other_block = first * inputs + inner, first * outputs + inner
            weights += shortcut + first_block + (layers - 1) * other_block
            inputs = outputs
        weights += self.num_classes * inputs
        if weights > _MOST_WEIGHTS:
            raise ConfigError(
                f"ResnetConfig.channels: with channels={self.channels}, layers={self.layers}, "
                f"base_width={self.base_width}, cardinality={self.cardinality}, stem_width={self.stem_width} and "
                f"num_classes={self.num_classes}, the network would have more than {_MOST_WEIGHTS:,} weights. Use "
                "smaller numbers."
            )

    def _widths(self, block: str, channels: int) -> tuple[int, int]:
        """Return the number of channels inside a block, and of its output."""
        if block == "basic":
            return channels, channels
        return channels * self.base_width // 64 * self.cardinality, 4 * channels

    def _check_groups(self, field: str, *widths: int) -> None:
        """Check that group normalisation can divide each of some numbers of channels, which follow from a field."""
        uneven = [width for width in widths if width % _GROUPS]
        if self.norm_layer == "groupnorm" and uneven:
            raise ConfigError(
                f"ResnetConfig.{field}: norm_layer='groupnorm' takes multiples of {_GROUPS} channels, but a layer "
                f"would have {uneven[0]}."
            )


def _check_range(field: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        limit = f"at least {least}" if value < least else f"at most {most:,}"
        raise ConfigError(f"ResnetConfig.{field}: expected {limit}, got {value!r:.40}.")
