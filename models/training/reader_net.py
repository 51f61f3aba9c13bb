"""The plate reader: finds the plate's corners in what it is given, straightens it, and reads it with a plain CNN, CTC over 21 steps."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

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


class Straightener(nn.Module):
    """float N×3×48×168 of 0..1 RGB → the plate's corners N×4×2, in shares of that picture, clockwise from the top left."""

    def __init__(self):
        super().__init__()
        self.look = nn.Sequential(_conv(3, 16, s=2), _conv(16, 32, s=2), _conv(32, 64, s=2), _conv(64, 64, s=(2, 1)), nn.Flatten(1))
        self.corners = nn.Sequential(nn.Linear(64 * 3 * 21, 96), nn.ReLU(inplace=True), nn.Linear(96, 8))
        nn.init.zeros_(self.corners[2].weight)
        nn.init.zeros_(self.corners[2].bias)

    def forward(self, x):
        # a plate may be cut off, and an upright box around a slanted one is at most some three times as high
        moved = 0.6 * torch.tanh(self.corners(self.look(x).float())).reshape(-1, 4, 2)
        return moved + torch.tensor([[0.0, 0], [1, 0], [1, 1], [0, 1]])


#: how much more than the plate is read, on each side: a cut letter is lost, a rim does no harm
RIM = (0.015, 0.04)


def _weights() -> torch.Tensor:
    """(48·168)×4: how much of each corner's place every pixel of the straightened plate has."""
    u = ((torch.arange(WIDTH) + 0.5) / WIDTH * (1 + 2 * RIM[0]) - RIM[0]).repeat(HEIGHT)
    v = ((torch.arange(HEIGHT) + 0.5) / HEIGHT * (1 + 2 * RIM[1]) - RIM[1]).repeat_interleave(WIDTH)
    return torch.stack([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v], 1)


class Reader(nn.Module):
    """float N×3×48×168 of 0..1 RGB → logits N×21×(1 + characters), colour logits N×6, corners N×4×2."""

    def __init__(self):
        super().__init__()
        self.straightener = Straightener()
        self.register_buffer("weights", _weights(), persistent=False)
        self.trunk = nn.Sequential(
            _conv(3, 24, s=2), _conv(24, 48, s=2), _Residual(48), _conv(48, 96, s=2), _Residual(96),
            _conv(96, 128, s=(2, 1)), _Residual(128),
        )  # fmt: skip
        self.flat = _conv(128, 192, k=(3, 1), p=0)
        self.wide = _conv(192, 192, k=(1, 5), p=(0, 2))
        self.drop = nn.Dropout(0.1)
        self.out = nn.Conv2d(192, 1 + len(CHARACTERS), 1)
        self.color = nn.Linear(128, len(COLORS))

    def straighten(self, x, corners):
        """What stands between the corners, bilinear: over one plate's width perspective is nearly that."""
        grid = (self.weights @ corners) * 2 - 1
        return functional.grid_sample(x, grid.reshape(-1, HEIGHT, WIDTH, 2), padding_mode="border", align_corners=False)

    def forward(self, x):
        corners = self.straightener(x)
        with torch.autocast("cpu", enabled=False):
            # the corners learn from where the plate is, not from what stands on it
            x = self.straighten(x.float(), corners.detach().float())
        if self.training:
            x = x.contiguous(memory_format=torch.channels_last)
        t = self.trunk(x)
        h = self.drop(self.wide(self.flat(t)))
        return self.out(h).squeeze(2).transpose(1, 2), self.color(t.mean((2, 3))), corners


class ReaderExport(nn.Module):
    """uint8 N×48×168×3 RGB → characters N×21×(1 + characters), colors N×6, both softmax."""

    def __init__(self, reader: Reader):
        super().__init__()
        self.reader = reader

    def forward(self, plate):
        characters, colors, _ = self.reader(plate.permute(0, 3, 1, 2).float() / 255.0)
        return torch.softmax(characters, 2), torch.softmax(colors, 1)
