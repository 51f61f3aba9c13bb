"""The plate reader: a plain CNN over a rectified plate, CTC over 21 steps, and the plate's colour from the same features."""

from __future__ import annotations

import torch
from torch import nn

from plates import CHARACTERS, COLORS

HEIGHT, WIDTH, STEPS = 48, 168, 21


def _conv(i, o, k=3, s=1, p=1):
    return nn.Sequential(nn.Conv2d(i, o, k, s, p, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))


class _Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a = _conv(c, c)
        self.b = nn.Sequential(nn.Conv2d(c, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c))

    def forward(self, x):
        return torch.relu(x + self.b(self.a(x)))


class Reader(nn.Module):
    """float N×3×48×168 of 0..1 RGB → logits N×21×(1 + characters), colour logits N×6."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            _conv(3, 24, s=2), _conv(24, 48, s=2), _Residual(48), _conv(48, 96, s=2), _Residual(96),
            _conv(96, 128, s=(2, 1)), _Residual(128),
        )  # fmt: skip
        self.flat = _conv(128, 192, k=(3, 1), p=0)
        self.wide = _conv(192, 192, k=(1, 5), p=(0, 2))
        self.drop = nn.Dropout(0.1)
        self.out = nn.Conv2d(192, 1 + len(CHARACTERS), 1)
        self.color = nn.Linear(128, len(COLORS))

    def forward(self, x):
        t = self.trunk(x)
        h = self.drop(self.wide(self.flat(t)))
        return self.out(h).squeeze(2).transpose(1, 2), self.color(t.mean((2, 3)))


class ReaderExport(nn.Module):
    """uint8 N×48×168×3 RGB → characters N×21×(1 + characters), colors N×6, both softmax."""

    def __init__(self, reader: Reader):
        super().__init__()
        self.reader = reader

    def forward(self, plate):
        characters, colors = self.reader(plate.permute(0, 3, 1, 2).float() / 255.0)
        return torch.softmax(characters, 2), torch.softmax(colors, 1)
