"""Trains the plate finder and writes ONNX. One command, seeded, resumes from its checkpoint. See README.md.

    python3 train_finder.py --scenes DIR --glyphs DIR --backgrounds DIR,DIR --out plate-finder.onnx --work DIR --steps 30000
"""

from __future__ import annotations

import copy
import math
import os

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from finder_net import STRIDE, Finder, FinderExport
from plates import Glyphs
from scenes import SIDE, PlateBank, load_backgrounds, load_scenes, make_sample
from training_run import Run, arguments

GRID = SIDE // STRIDE


def make_target(quads: np.ndarray, rows: np.ndarray, ignore: np.ndarray):
    """Per cell: class (0 nothing, 1 single, 2 double, −1 do not count), corners in cells (8), weight of the corner loss."""
    kind = np.zeros((GRID, GRID), np.int8)
    corner = np.zeros((8, GRID, GRID), np.float32)
    weight = np.zeros((GRID, GRID), np.float32)
    ys, xs = np.mgrid[0:GRID, 0:GRID].astype(np.float32) + 0.5
    middles = np.stack([xs, ys, np.ones_like(xs)], -1).reshape(-1, 3)
    order = np.argsort([-np.linalg.norm(q[1] - q[0]) for q in quads]) if len(quads) else []
    unit = np.asarray([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    for i in order:
        cells = quads[i] / STRIDE
        if abs(cv2.contourArea(cells.astype(np.float32))) < 1e-3:
            continue
        inverse = cv2.getPerspectiveTransform(cells.astype(np.float32), unit)
        uv = middles @ inverse.T
        uv = (uv[:, :2] / uv[:, 2:]).reshape(GRID, GRID, 2)
        u, v = np.abs(uv[..., 0]), np.abs(uv[..., 1])
        height = (np.linalg.norm(cells[3] - cells[0]) + np.linalg.norm(cells[2] - cells[1])) / 2
        width = np.linalg.norm(cells[1] - cells[0])
        # a rim of one cell around the plate is neither right nor wrong
        near = (u < 1 + 1 / max(width, 1)) & (v < 1 + 1 / max(height, 0.5))
        if ignore[i]:
            kind[near] = -1
            continue
        inner = (u < 0.5) & (v < 0.6)
        middle = cells.mean(0)
        cy, cx = (int(np.clip(math.floor(m), 0, GRID - 1)) for m in (middle[1], middle[0]))
        inner[cy, cx] = True
        kind[near & (kind == 0)] = -1
        kind[inner] = rows[i]
        for j in range(4):
            corner[2 * j][inner] = cells[j, 0] - xs[inner]
            corner[2 * j + 1][inner] = cells[j, 1] - ys[inner]
        weight[inner] = 1 / max(height, 0.6)
    return kind, corner, weight


class Samples(IterableDataset):
    """An endless stream of (picture 3×S×S uint8 RGB, class, corners, weight)."""

    def __init__(self, options, seed: int):
        self.options, self.seed = options, seed

    def __iter__(self):
        cv2.setNumThreads(0)
        info = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, info.id if info else 0])
        glyphs = Glyphs(self.options.glyphs)
        scenes = load_scenes(self.options.scenes, "all" if self.options.all else "train")
        backgrounds = load_backgrounds(self.options.backgrounds.split(","), os.path.join(self.options.work, "backgrounds"))
        bank = PlateBank(rng, glyphs, 200 if self.options.smoke else 2500)
        while True:
            crop, quads, rows, ignore = make_sample(rng, scenes, backgrounds, bank)
            kind, corner, weight = make_target(quads, rows, ignore)
            yield np.ascontiguousarray(crop[:, :, ::-1].transpose(2, 0, 1)), kind, corner, weight


def losses(logits, offsets, kind, corner, weight):
    """Focal loss of the two score maps, and smooth L1 of the corners in plate heights."""
    counted = (kind >= 0).float().unsqueeze(1)
    truth = torch.stack([kind == 1, kind == 2], 1).float()
    p = torch.sigmoid(logits)
    ce = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    pt = p * truth + (1 - p) * (1 - truth)
    alpha = 0.4 * truth + 0.6 * (1 - truth)
    positives = truth.sum().clamp(min=1)
    focal = (alpha * (1 - pt) ** 2 * ce * counted).sum() / positives
    error = torch.nn.functional.smooth_l1_loss(offsets, corner, reduction="none", beta=0.1).sum(1)
    place = (error * weight).sum() / (weight > 0).float().sum().clamp(min=1)
    return focal, place


def decode(scores: np.ndarray, corners: np.ndarray, threshold: float):
    """Plates (score, quad 4×2) of one picture: best first, cells of one plate averaged by score."""
    best = scores.max(0)
    ys, xs = np.where(best >= threshold)
    found = sorted(((float(best[y, x]), corners[:, y, x].reshape(4, 2)) for y, x in zip(ys, xs)), key=lambda f: -f[0])
    groups: list[list[tuple[float, np.ndarray]]] = []
    for score, quad in found:
        middle = quad.mean(0)
        for group in groups:
            lead = group[0][1]
            if cv2.pointPolygonTest(lead.astype(np.float32), (float(middle[0]), float(middle[1])), False) >= 0:
                group.append((score, quad))
                break
        else:
            groups.append([(score, quad)])
    return [(g[0][0], np.average([q for _, q in g], axis=0, weights=[s**2 for s, _ in g])) for g in groups]


def evaluate(net: Finder, scenes, side: int = 640) -> dict:
    """Recall and false boxes a picture at several thresholds (hit: the plate's middle lies in the found quad)."""
    export = FinderExport(net).eval()
    thresholds = [0.2, 0.3, 0.4, 0.5, 0.6]
    hits, false, total = [0] * 5, [0] * 5, 0
    off = []
    with torch.no_grad():
        for scene in scenes:
            picture = scene.levels[0]
            k = side / max(picture.shape[:2])
            small = cv2.resize(picture, None, fx=k, fy=k, interpolation=cv2.INTER_AREA if k < 1 else cv2.INTER_LINEAR)
            h, w = (int(math.ceil(n / 32) * 32) for n in small.shape[:2])
            board = np.full((h, w, 3), 114, np.uint8)
            board[: small.shape[0], : small.shape[1]] = small
            scores, corners = export(torch.from_numpy(board[:, :, ::-1].copy()).unsqueeze(0))
            plates = decode(scores[0].numpy(), corners[0].numpy(), 0.2)
            total += len(scene.quads)
            for i, threshold in enumerate(thresholds):
                kept = [p for p in plates if p[0] >= threshold]
                used = set()
                for quad in scene.quads:
                    q = quad * k
                    middle = q.mean(0)
                    hit = [j for j, (_, f) in enumerate(kept) if cv2.pointPolygonTest(f.astype(np.float32), (float(middle[0]), float(middle[1])), False) >= 0]
                    if hit:
                        hits[i] += 1
                        used.update(hit)
                        if i == 2:
                            off.append(np.abs(kept[hit[0]][1] - q).mean() / max(1e-6, np.linalg.norm(q[3] - q[0])))
                false[i] += len(kept) - len(used)
    n = max(1, len(scenes))
    return {"plates": total, "pictures": len(scenes), "at": [[t, round(h / max(1, total), 4), round(f / n, 3)] for t, h, f in zip(thresholds, hits, false)], "cornerError": round(float(np.mean(off or [9])), 3)}


def export(net: Finder, path: str) -> None:
    """Writes the ONNX that gateways run."""
    model = FinderExport(copy.deepcopy(net).float().to(memory_format=torch.contiguous_format)).eval()
    example = torch.zeros(1, 64, 96, 3, dtype=torch.uint8)
    axes = {"picture": {1: "height", 2: "width"}, "scores": {2: "rows", 3: "columns"}, "corners": {2: "rows", 3: "columns"}}
    torch.onnx.export(model, example, path, opset_version=13, input_names=["picture"], output_names=["scores", "corners"], dynamic_axes=axes)


def main() -> None:
    parser = arguments("scenes", "glyphs", steps=30000, batch=16)
    parser.add_argument("--backgrounds", default="/usr/share/backgrounds,/usr/share/wallpapers")
    parser.add_argument("--smoke", action="store_true", help="few drawn plates, to see that it runs")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    run = Run(Finder(), options, "finder", warm_up=200, weight_decay=1e-3)
    held = load_scenes(options.scenes, "held-out")

    def step(net, picture, kind, corner, weight):
        x = (picture.float() / 255).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits, offsets = net(x)
        focal, place = losses(logits.float(), offsets.float(), kind, corner, weight)
        return {"focal": (1, focal), "corners": (0.5, place)}

    loader = DataLoader(Samples(options, options.seed * 1000 + run.step), batch_size=options.batch, num_workers=1, prefetch_factor=4)
    run.train(loader, step, export, lambda mean: {"heldOut640": evaluate(mean, held)})


if __name__ == "__main__":
    main()
