"""`transformers.Trainer` as a caller of our models: it knows nothing of this project, and trains them all the same."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import Dataset

from resnet import ResnetConfig, ResnetModelForImageClassification

transformers = pytest.importorskip(
    "transformers", reason="needs the dependency group `peers`: uv run --group peers pytest"
)


class DarkAndBright(Dataset):
    """Images of noise, dark ones labelled 0 and bright ones 1.

    Shapes: tensor (1, 16, 16), labels a number.
    """

    def __init__(self, length):
        generator = torch.Generator().manual_seed(0)
        self.noise = torch.rand(length, 1, 16, 16, generator=generator)

    def __len__(self):
        return len(self.noise)

    def __getitem__(self, index):
        return {"tensor": self.noise[index] + index % 2, "labels": index % 2}


@pytest.fixture
def trainer(tmp_path):
    """A Trainer of a small ResNet, a dozen steps on the CPU before it."""
    transformers.set_seed(0)
    config = ResnetConfig(block_type="basic", layers=[1, 1, 1, 1], num_classes=2, input_channels=1)
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "trained"),
        max_steps=12,
        per_device_train_batch_size=8,
        learning_rate=1e-3,
        lr_scheduler_type="constant",
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    return transformers.Trainer(
        model=ResnetModelForImageClassification(config), args=arguments, train_dataset=DarkAndBright(48)
    )


def test_loss_falls(trainer):
    """A few steps on images that are easy to tell apart lower the loss that our forward returns."""
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(losses) == 12
    assert sum(losses[-3:]) < 0.5 * sum(losses[:3])


def test_trained_model_is_saved_and_loaded(trainer, tmp_path):
    """What the Trainer trained is our model still: it saves itself, and loads with the trained weights."""
    trainer.train()
    trained = trainer.model.eval()
    trained.save_pretrained(tmp_path / "model")
    loaded = ResnetModelForImageClassification.from_pretrained(tmp_path / "model")
    images = torch.rand(4, 1, 16, 16)
    assert torch.equal(loaded(images)["logits"], trained(images)["logits"])


def test_trainer_turns_activation_checkpointing_on(trainer):
    """It calls the method by the name and with the arguments of its current version."""
    trainer.args.activation_checkpointing = True
    trainer.args.activation_checkpointing_kwargs = {"use_reentrant": False}
    trainer.train()
    assert trainer.model.is_activation_checkpointing
    assert trainer.model.model.grad_checkpointing
