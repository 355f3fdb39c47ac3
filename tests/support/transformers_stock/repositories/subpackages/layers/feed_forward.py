from torch import nn
from transformers.activations import ACT2FN

from .norms import Norm


class FeedForward(nn.Module):
    def __init__(self, width, activation):
        super().__init__()
        self.norm = Norm(width)
        self.up = nn.Linear(width, 3 * width)
        self.act = ACT2FN[activation]
        self.down = nn.Linear(3 * width, width)

    def forward(self, x):
        return x + self.down(self.act(self.up(self.norm(x))))
