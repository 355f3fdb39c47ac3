import torch
import torch.nn as nn
import torch.nn.functional as F
from transformers import PreTrainedModel
from .MyConfig import SegmentationConfig


class REBNCONV(nn.Module):
    def __init__(self, in_ch=3, out_ch=3, dirate=1):
        super(REBNCONV, self).__init__()
        self.conv = nn.Conv2d(in_ch, out_ch, 3, padding=1 * dirate, dilation=1 * dirate)
        self.bn = nn.BatchNorm2d(out_ch)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(self.bn(self.conv(x)))


class SegmentationNet(PreTrainedModel):
    config_class = SegmentationConfig

    def __init__(self, config: SegmentationConfig = SegmentationConfig()):
        super().__init__(config)
        self.down = REBNCONV(config.in_ch, 8)
        self.pool = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.deep = REBNCONV(8, 8, dirate=2)
        self.up = REBNCONV(16, 8)
        self.side1 = nn.Conv2d(8, config.out_ch, 3, padding=1)
        self.side2 = nn.Conv2d(8, config.out_ch, 3, padding=1)
        self.post_init()

    def forward(self, x):
        h1 = self.down(x)
        h2 = self.deep(self.pool(h1))
        up = F.interpolate(h2, size=h1.shape[2:], mode="bilinear")
        h = self.up(torch.cat((h1, up), 1))
        d1 = self.side1(h)
        d2 = F.interpolate(self.side2(h2), size=x.shape[2:], mode="bilinear")
        return [torch.sigmoid(d1), torch.sigmoid(d2)], [h1, h2]
