"""ResNets of timm's blocks. This file and `configuration_resnet.py` are all the code that a saved model needs.

Shapes: N images, C channels, H and W pixels, K classes, s the config's output stride.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from timm.layers.blur_pool import BlurPool2d
from timm.layers.squeeze_excite import SEModule
from timm.models import checkpoint_seq
from timm.models.resnet import BasicBlock, Bottleneck, ResNet

from model_core import PreTrainedModel

from .configuration_resnet import ResnetConfig

__all__ = ["ResnetModel", "ResnetModelForImageClassification", "build_resnet"]

_BLOCKS = {"basic": BasicBlock, "bottleneck": Bottleneck}
_ANTI_ALIASING = {"": None, "avg": torch.nn.AvgPool2d, "blur": BlurPool2d}


def build_resnet(config: ResnetConfig) -> ResNet:
    """Build the network that a config describes, with timm's initialisation."""
    # timm's annotations say instances, but it takes classes.
    blocks: Any = [_BLOCKS[name] for name in config.block_types]
    return ResNet(
        blocks,
        config.layers,
        num_classes=config.num_classes,
        in_chans=config.input_channels,
        output_stride=config.output_stride,
        cardinality=config.cardinality,
        base_width=config.base_width,
        stem_width=config.stem_width,
        stem_type=config.stem_type,
        replace_stem_pool=config.replace_stem_pool,
        block_reduce_first=config.block_reduce_first,
        down_kernel_size=config.down_kernel_size,
        avg_down=config.avg_down,
        channels=config.channels,
        act_layer=config.act_layer,
        norm_layer=config.norm_layer,
        aa_layer=_ANTI_ALIASING[config.aa_layer],
        drop_rate=config.drop_rate,
        drop_path_rate=config.drop_path_rate,
        drop_block_rate=config.drop_block_rate,
        block_args={"attn_layer": _attention(config)},
    )


def _attention(config: ResnetConfig) -> Any:
    if config.attn_rd_ratio is not None:
        return partial(SEModule, rd_ratio=config.attn_rd_ratio)
    return config.attn_layer or None


def _hidden_states(network: ResNet, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return the output of the stem and of each of the four stages. The last is what `forward_features` returns."""
    layers: Any = network  # its attributes are annotated as tensors or modules
    state = layers.maxpool(layers.act1(layers.bn1(layers.conv1(images))))
    states = [state]
    for stage in (layers.layer1, layers.layer2, layers.layer3, layers.layer4):
        state = checkpoint_seq(stage, state) if network.grad_checkpointing else stage(state)
        states.append(state)
    return tuple(states)


class ResnetModel(PreTrainedModel):
    """A ResNet without a classifier. It returns the features of the last stage."""

    config_class = ResnetConfig
    base_model_prefix = "model"
    main_input_name = "tensor"
    supports_gradient_checkpointing = True

    def __init__(self, config: ResnetConfig) -> None:
        super().__init__(config)
        self.model = build_resnet(config)

    def forward(
        self, tensor: torch.Tensor, *, output_hidden_states: bool | None = None, return_dict: bool | None = None
    ) -> torch.Tensor | dict[str, Any] | tuple[Any, ...]:
        """Return the features of a batch of images.

        Args:
            tensor: Images, (N, C, H, W), where C is the config's `input_channels`.
            output_hidden_states: Whether to return the output of the stem and of each stage as well; the config's
                value if None.
            return_dict: Whether several outputs are a dict and not a tuple; the config's value if None.

        Returns:
            Features before pooling, (N, output channels of the last stage, H / s, W / s), sizes rounded up. With
            `output_hidden_states`, they are `"last_hidden_state"`, followed by `"hidden_states"`, a tuple of the
            outputs of the stem and of the four stages, the last of which are the same features.
        """
        if not _chosen(output_hidden_states, self.config.output_hidden_states):
            features: torch.Tensor = self.model.forward_features(tensor)
            return features
        states = _hidden_states(self.model, tensor)
        outputs = {"last_hidden_state": states[-1], "hidden_states": states}
        return outputs if _chosen(return_dict, self.config.return_dict) else tuple(outputs.values())


class ResnetModelForImageClassification(PreTrainedModel):
    """A ResNet with a classifier. It returns logits, and the loss if labels are given."""

    config_class = ResnetConfig
    base_model_prefix = "model"
    main_input_name = "tensor"
    supports_gradient_checkpointing = True

    def __init__(self, config: ResnetConfig) -> None:
        super().__init__(config)
        self.model = build_resnet(config)

    def forward(
        self,
        tensor: torch.Tensor,
        labels: torch.Tensor | None = None,
        *,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> dict[str, Any] | tuple[Any, ...]:
        """Return logits, and the mean loss if labels are given.

        The loss depends on the config's `problem_type`: binary cross-entropy for `"multi_label_classification"`, mean
        squared error for `"regression"`, and cross-entropy otherwise.

        Args:
            tensor: Images, (N, C, H, W), where C is the config's `input_channels`.
            labels: Class indices, (N,), or class probabilities, (N, K). For multi-label classification, whether each
                class applies, (N, K). For regression, the target values, (N, K). These two may be (N,) if K is 1.
                Labels may have any dtype.
            output_hidden_states: Whether to return the output of the stem and of each stage as well; the config's
                value if None.
            return_dict: Whether the outputs are a dict and not a tuple; the config's value if None.

        Returns:
            `"logits"`, (N, K), preceded by `"loss"`, a scalar, if labels are given, and followed by `"hidden_states"`,
            a tuple of the outputs of the stem and of the four stages, if these are asked for.

        Raises:
            ValueError: The labels have the wrong shape for the `problem_type`, or the config has no classes.
        """
        if labels is not None and self.model.num_classes == 0:
            raise ValueError(
                "With num_classes=0 the model has no classifier and takes no labels. Pass none, or set num_classes."
            )
        outputs: dict[str, Any]
        if _chosen(output_hidden_states, self.config.output_hidden_states):
            states = _hidden_states(self.model, tensor)
            outputs = {"logits": self.model.forward_head(states[-1]), "hidden_states": states}
        else:
            outputs = {"logits": self.model(tensor)}
        if labels is not None:
            outputs = {"loss": _loss(outputs["logits"], labels, self.config.problem_type), **outputs}
        return outputs if _chosen(return_dict, self.config.return_dict) else tuple(outputs.values())


def _chosen(argument: bool | None, field: bool) -> bool:  # noqa: FBT001 - two values, one of which is returned
    """Return an argument of a call, or the config's field if it was not passed."""
    return field if argument is None else argument


def _loss(logits: torch.Tensor, labels: torch.Tensor, problem_type: str | None) -> torch.Tensor:
    """Return the mean loss of logits, (N, K), as a scalar tensor."""
    by_class, by_image = tuple(logits.shape), tuple(logits.shape[:1])
    if problem_type in {None, "single_label_classification"}:
        are_indices = not labels.is_floating_point()
        if labels.shape == (by_image if are_indices else by_class):
            return torch.nn.functional.cross_entropy(logits, labels.long() if are_indices else labels)
        expected = f"class indices of shape {by_image} or class probabilities of shape {by_class}"
    else:
        shapes = (by_class, by_image) if logits.shape[1] == 1 else (by_class,)
        if labels.shape in shapes:  # others would be broadcast
            targets = labels.reshape(by_class).to(logits.dtype)
            if problem_type == "regression":
                return torch.nn.functional.mse_loss(logits, targets)
            return torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
        expected = f"labels of shape {' or '.join(map(str, shapes))}"
    given = f"{labels.dtype} of shape {tuple(labels.shape)}"
    raise ValueError(f"problem_type={problem_type!r} takes {expected}, got {given}.")
