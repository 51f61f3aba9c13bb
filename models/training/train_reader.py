"""Trains the plate reader and writes ONNX. One command, seeded, resumes from its checkpoint. See README.md.

    python3 train_reader.py --scenes DIR --crops DIR --glyphs DIR --out plate-reader.onnx --work DIR --steps 20000
"""

from __future__ import annotations

import copy
import csv
import glob
import hashlib
import os
import re

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from degrade import degrade, passing_by_night
from plates import CHARACTERS, COLORS, KINDS, Glyphs, Plate, draw_plate
from reader_net import HEIGHT, STEPS, WIDTH, Reader, ReaderExport
from scenes import PlateBank, held_out, paste, read_picture, turned_box
from training_run import Run, arguments

INDEX = {c: i + 1 for i, c in enumerate(CHARACTERS)}
#: where the two rows of a double plate are cut (shares of its height), the upper one's part of the width (its two characters
#: stand between 0.25 and 0.75), and what it becomes in the line (pixels)
TOP, BOTTOM, MIDDLE, TOP_WIDTH = (0.0, 0.42), (0.38, 1.0), (0.18, 0.82), 56
_UNIT = np.asarray([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)


def _warp(picture, matrix, u, v, width):
    target = np.asarray([[0, 0], [width, 0], [width, HEIGHT], [0, HEIGHT]], np.float32)
    source = cv2.perspectiveTransform(np.asarray([[[u[0], v[0]], [u[1], v[0]], [u[1], v[1]], [u[0], v[1]]]], np.float32), matrix)[0]
    # pixel centres: the corner of the picture is at −0.5 in OpenCV's terms
    back = cv2.getPerspectiveTransform((source - 0.5).astype(np.float32), target - 0.5)
    return cv2.warpPerspective(picture, back, (width, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def rectify(picture: np.ndarray, quad: np.ndarray, rows: int) -> np.ndarray:
    """The plate in `quad` (4×2, pixels, edges at whole numbers) as one line of 48×168; a double row is laid side by side."""
    span = max(np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[2] - quad[3]))
    while span > 2 * WIDTH:
        picture = cv2.resize(picture, (max(1, picture.shape[1] // 2), max(1, picture.shape[0] // 2)), interpolation=cv2.INTER_AREA)
        quad, span = quad / 2, span / 2
    matrix = cv2.getPerspectiveTransform(_UNIT, quad.astype(np.float32))
    if rows == 1:
        return _warp(picture, matrix, (0, 1), (0, 1), WIDTH)
    return np.hstack([_warp(picture, matrix, MIDDLE, TOP, TOP_WIDTH), _warp(picture, matrix, (0, 1), BOTTOM, WIDTH - TOP_WIDTH)])


def loosen(quad: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The corners as a finder would give them: not quite right."""
    height = np.linalg.norm(quad[3] - quad[0])
    if rng.random() < 0.35:
        # an upright box around a slanted plate: what a finder without corners gives, and how plates are often kept
        low, high = quad.min(0), quad.max(0)
        quad = np.asarray([low, (high[0], low[1]), high, (low[0], high[1])])
    middle = quad.mean(0)
    out = (quad - middle) * (1 + rng.uniform(-0.02, 0.07), 1 + rng.uniform(-0.06, 0.22)) if rng.random() < 0.8 else quad - middle
    return out + middle + rng.normal(0, 0.035, (4, 2)) * height + rng.normal(0, 0.03, 2) * height


def corners_in(loose: np.ndarray, quad: np.ndarray | None, rows: int) -> np.ndarray:
    """The plate's corners in the line made of `loose`, as shares of it; NaN where nobody knows them. Two rows stay as they are cut."""
    if rows == 2:
        return _UNIT
    if quad is None:
        return np.full((4, 2), np.nan, np.float32)
    matrix = cv2.getPerspectiveTransform(loose.astype(np.float32), _UNIT)
    return np.clip(cv2.perspectiveTransform(quad[None].astype(np.float32), matrix)[0], _UNIT - 0.55, _UNIT + 0.55)


def load_real(options, part: str):
    """(picture, quad, rows, text, colour index or −1) of real plates: `part` train or held-out."""
    out = []
    with open(os.path.join(options.scenes, "labels.tsv"), encoding="utf8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if part != "all" and held_out(row["file"]) != (part == "held-out"):
                continue
            picture = read_picture(os.path.join(options.scenes, row["file"]))
            if picture is None or any(c not in INDEX for c in row["text"]):
                continue
            quad = turned_box(*(float(row[k]) for k in ("x", "y", "w", "h", "rotation_deg")))
            pad = 1.0 * np.linalg.norm(quad[3] - quad[0])
            lo = np.clip(np.floor(quad.min(0) - pad), 0, None).astype(int)
            hi = np.ceil(quad.max(0) + pad).astype(int)
            rows = 1 if float(row["w"]) / float(row["h"]) > 2.4 else 2
            out.append((picture[lo[1] : hi[1], lo[0] : hi[0]].copy(), quad - lo, rows, row["text"], COLORS.index(row["color"]), "scene"))
    for path in sorted(glob.glob(os.path.join(options.crops, "*"))):
        text = re.sub(r"[_-].*", "", os.path.splitext(os.path.basename(path))[0])
        picture = read_picture(path)
        if picture is None or any(c not in INDEX for c in text) or len(text) < 7:
            continue
        # every second crop by the hash of its text is never trained on in a run that reports figures
        away = hashlib.sha256(text.encode()).digest()[0] % 2 == 0
        if part == "all" or away == (part == "held-out"):
            h, w = picture.shape[:2]
            out.append((picture, np.asarray([[0, 0], [w, 0], [w, h], [0, h]], np.float64), 1, text, -1, "crop"))
    return out


def rendered(rng: np.random.Generator, plate: Plate, patches, passing: float = 0.45):
    """A drawn plate as a camera would have seen it, rectified by corners that are not quite right; text, colour, its corners there.
    `passing` is the share that moves by night."""
    aspect = plate.picture.shape[1] / plate.picture.shape[0]
    width = float(np.exp(rng.uniform(np.log(44), np.log(200))))
    height = width / aspect * rng.uniform(0.85, 1.12)
    # most stand level; at a gate's edge, or photographed by hand, they do not
    steep = 2.2 if rng.random() < 0.3 else 1.0
    angle = rng.normal(0, 6 * steep)
    pad = 0.5 * (height + width * abs(np.sin(np.deg2rad(angle)))) + 6
    board = np.empty((int(height + 2 * pad), int(width + 2 * pad), 3), np.uint8)
    if rng.random() < 0.6:
        board[:] = rng.integers(0, 255, 3)
        board[: int(rng.uniform(0, board.shape[0]))] = rng.integers(0, 255, 3)
    else:
        patch = patches[int(rng.integers(0, len(patches)))]
        board[:] = cv2.resize(patch, board.shape[1::-1])
    quad = turned_box(pad, pad, width, height, angle)
    quad += rng.normal(0, 0.04, (4, 2)) * height + rng.normal(0, 0.12) * height * np.asarray([[0, -1], [0, 1], [0, 1], [0, -1]])
    quad[:, 0] += rng.normal(0, 0.15 * steep) * height * np.asarray([1, 1, -1, -1])  # seen from the side: upright strokes lean
    paste(board, plate.picture, quad, rng, rng.random() < 0.4)
    board = passing_by_night(board, rng, width) if rng.random() < passing else degrade(board, rng, min(1.2, width / 90))
    loose = loosen(quad, rng)
    return rectify(board, loose, plate.rows), plate.text, COLORS.index(plate.color), corners_in(loose, quad, plate.rows)


class Samples(IterableDataset):
    """An endless stream of (48×168×3 RGB uint8, text as indices padded with 0, its length, colour, corners)."""

    def __init__(self, options, seed):
        self.options, self.seed = options, seed

    def __iter__(self):
        cv2.setNumThreads(0)
        info = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, info.id if info else 0])
        glyphs = Glyphs(self.options.glyphs)
        real = load_real(self.options, "all" if self.options.all else "train")
        scene, crop = [r for r in real if r[5] == "scene"], [r for r in real if r[5] == "crop"]
        patches = [cv2.resize(r[0], (200, 120)) for r in scene]
        bank = PlateBank(rng, glyphs, 3000)
        while True:
            draw = rng.random()
            if draw < 0.64 or not real:
                line, text, color, corners = rendered(rng, bank.take(True), patches)
            else:
                # crops are nearly all of one province, scenes of many
                pool = scene if draw < 0.88 else crop
                picture, quad, rows, text, color, source = pool[int(rng.integers(0, len(pool)))]
                if rng.random() < 0.6:
                    picture = degrade(picture, rng, min(0.6, np.linalg.norm(quad[1] - quad[0]) / 200))
                loose = loosen(quad, rng)
                line, corners = rectify(picture, loose, rows), corners_in(loose, quad if source == "scene" else None, rows)
            label = np.zeros(9, np.int64)
            label[: len(text)] = [INDEX[c] for c in text]
            yield np.ascontiguousarray(line[:, :, ::-1].transpose(2, 0, 1)), label, len(text), color, corners.astype(np.float32)


def read(net: Reader, lines: list[np.ndarray]) -> list[tuple[str, float, int]]:
    """Greedy CTC: text, least confidence of its characters, colour index."""
    out = []
    with torch.no_grad():
        for at in range(0, len(lines), 64):
            x = torch.from_numpy(np.stack(lines[at : at + 64])[:, :, :, ::-1].copy()).permute(0, 3, 1, 2).float() / 255
            characters, colors, _ = net(x)
            p, best = torch.softmax(characters, 2).max(2)
            for row, conf, color in zip(best.numpy(), p.numpy(), colors.argmax(1).numpy()):
                text, least, last = "", 1.0, 0
                for i, c in zip(row, conf):
                    if i and i != last:
                        text += CHARACTERS[i - 1]
                        least = min(least, float(c))
                    last = i
                out.append((text, least, int(color)))
    return out


def evaluate(net: Reader, held, glyphs: Glyphs) -> dict:
    """Exact reads of held-out real plates, and of drawn ones by kind (seed 7, 40 each)."""
    net.eval()
    figures = {}
    for source in ("crop", "scene"):
        part = [h for h in held if h[5] == source]
        answers = read(net, [rectify(h[0], h[1], h[2]) for h in part])
        right = [a[0] == h[3] for a, h in zip(answers, part)]
        sure = [(ok, a[1] >= 0.9) for ok, a in zip(right, answers)]
        figures[source] = {"n": len(part), "exact": round(float(np.mean(right)), 4), "wrong": [f"{h[3]}>{a[0]}" for a, h, ok in zip(answers, part, right) if not ok][:12],
                           "accepted": round(float(np.mean([s for _, s in sure])), 3), "acceptedWrong": sum(1 for ok, s in sure if s and not ok)}  # fmt: skip
        if source == "scene":
            figures["color"] = round(float(np.mean([a[2] == h[4] for a, h in zip(answers, part)])), 3)
    rng = np.random.default_rng(7)
    patches = [cv2.resize(h[0], (200, 120)) for h in held if h[5] == "scene"]
    drawn, off = {}, []
    for kind in KINDS:
        samples = [rendered(rng, draw_plate(kind, rng, glyphs), patches, 0) for _ in range(40)]
        answers = read(net, [s[0] for s in samples])
        drawn[kind] = round(float(np.mean([a[0] == s[1] for a, s in zip(answers, samples)])), 3)
        with torch.no_grad():
            x = torch.from_numpy(np.stack([s[0] for s in samples])[:, :, :, ::-1].copy()).permute(0, 3, 1, 2).float() / 255
            off.append(float(np.abs(net.straightener(x).numpy() - np.stack([s[3] for s in samples])).mean()))
    for kind in ("small", "large-double"):
        samples = [rendered(rng, draw_plate(kind, rng, glyphs), patches, 1) for _ in range(300)]
        answers = read(net, [s[0] for s in samples])
        figures[f"passing {kind}"] = [round(float(np.mean([a[0] == s[1] for a, s in zip(answers, samples)])), 3),
                                      round(float(np.mean([a[0][:1] == s[1][:1] for a, s in zip(answers, samples)])), 3)]  # fmt: skip
    figures["drawn"], figures["cornersOff"] = drawn, round(float(np.mean(off)), 4)
    net.train()
    return figures


def export(net: Reader, path: str) -> None:
    """Writes the ONNX that gateways run."""
    model = ReaderExport(copy.deepcopy(net).float().to(memory_format=torch.contiguous_format)).eval()
    example = torch.zeros(2, HEIGHT, WIDTH, 3, dtype=torch.uint8)
    axes = {name: {0: "plates"} for name in ("plate", "characters", "colors")}
    torch.onnx.export(model, example, path, opset_version=16, input_names=["plate"], output_names=["characters", "colors"], dynamic_axes=axes)


def main() -> None:
    options = arguments("scenes", "crops", "glyphs", steps=20000, batch=64).parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    run = Run(Reader(), options, "reader", warm_up=300, weight_decay=1e-2)
    held, glyphs = load_real(options, "held-out"), Glyphs(options.glyphs)
    ctc = torch.nn.CTCLoss(zero_infinity=True)

    def step(net, line, label, length, color, corners):
        x = (line.float() / 255).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            characters, colors, found = net(x)
        logs = torch.log_softmax(characters.float(), 2).transpose(0, 1)
        loss = ctc(logs, label, torch.full((len(x),), STEPS, dtype=torch.long), length)
        # crops have no colour named (-1); a batch of nothing else has nothing to say of it
        known = (color >= 0).any()
        paint = torch.nn.functional.cross_entropy(colors.float(), color, ignore_index=-1) if known else colors.sum() * 0
        # crops are cut by boxes, and where their plates' corners are nobody has said
        told = ~corners.isnan().any(2).any(1)
        off = torch.nn.functional.smooth_l1_loss(found.float()[told], corners[told], beta=0.02)
        return {"ctc": (1, loss), "color": (0.2, paint), "corners": (3, off)}

    loader = DataLoader(Samples(options, options.seed * 1000 + run.step), batch_size=options.batch, num_workers=1, prefetch_factor=4)
    run.train(loader, step, export, lambda mean: evaluate(mean, held, glyphs))


if __name__ == "__main__":
    main()
