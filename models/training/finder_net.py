"""The plate finder: one stage, one scale (stride 8), plain convolutions; a score a cell and row count, and four corners.

`FinderExport` is what gateways run: uint8 RGB in, scores and absolute corners out (see README.md for the shapes).
"""

from __future__ import annotations

import torch
from torch import nn

STRIDE = 8
WIDTHS = (16, 24, 32, 64, 96)
HEAD = 48


def _conv(i: int, o: int, k: int = 3, s: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))


class _Residual(nn.Module):
    def __init__(self, c: int):
        super().__init__()
        self.a, self.b = _conv(c, c), _conv(c, c)

    def forward(self, x):
        return x + self.b(self.a(x))


class Finder(nn.Module):
    """float input N×3×H×W of 0..1 RGB → logits N×2×H/8×W/8 and corner offsets N×8×H/8×W/8 in cells from the cell's middle."""

    def __init__(self):
        super().__init__()
        a, b, c, d, e = WIDTHS
        self.s4 = nn.Sequential(_conv(3, a, 3, 2), _conv(a, b, 3, 2))
        self.s8 = nn.Sequential(_conv(b, c, 3, 2), _Residual(c))
        self.s16 = nn.Sequential(_conv(c, d, 3, 2), _Residual(d), _Residual(d))
        self.s32 = nn.Sequential(_conv(d, e, 3, 2), _Residual(e), _Residual(e))
        self.from32 = _conv(e, d, 1)
        self.from16 = _conv(d, c, 1)
        self.join16 = _conv(d, d)
        self.head = _conv(c, HEAD)
        self.score = nn.Conv2d(HEAD, 2, 1)
        self.corner = nn.Conv2d(HEAD, 8, 1)
        nn.init.constant_(self.score.bias, -4.6)
        nn.init.normal_(self.corner.weight, std=0.01)

    def forward(self, x):
        x8 = self.s8(self.s4(x))
        x16 = self.s16(x8)
        x32 = self.s32(x16)
        x16 = self.join16(x16 + nn.functional.interpolate(self.from32(x32), scale_factor=2.0))
        x8 = x8 + nn.functional.interpolate(self.from16(x16), scale_factor=2.0)
        h = self.head(x8)
        return self.score(h), self.corner(h)


class FinderExport(nn.Module):
    """uint8 1×H×W×3 RGB → scores 1×2×h×w (0..1), corners 1×8×h×w (pixels of the input; tl, tr, br, bl as x, y)."""

    def __init__(self, finder: Finder):
        super().__init__()
        self.finder = finder

    def forward(self, picture):
        x = picture.permute(0, 3, 1, 2).float() / 255.0
        logits, offsets = self.finder(x)
        h, w = logits.shape[2], logits.shape[3]
        xs = torch.arange(w, dtype=torch.float32).view(1, 1, 1, w) + 0.5
        ys = torch.arange(h, dtype=torch.float32).view(1, 1, h, 1) + 0.5
        xs, ys = xs.expand(1, 4, h, w), ys.expand(1, 4, h, w)
        grid = torch.stack([xs, ys], 2).reshape(1, 8, h, w)
        return torch.sigmoid(logits), (offsets + grid) * STRIDE
