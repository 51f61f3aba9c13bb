"""Training pictures for the plate finder: crops of scenes with their own or with replaced plates, and what looks like plates.

Folders are arguments and stay outside the project. `labels.tsv` of a scene folder has file, x, y, w, h (the box before it is
turned), rotation_deg (about its middle, clockwise in the picture), text, color.
"""

from __future__ import annotations

import csv
import glob
import hashlib
import os
from dataclasses import dataclass, field

import cv2
import numpy as np

from degrade import degrade
from plates import Glyphs, Plate, draw_ebike_plate, draw_plate, random_kind

#: side of a training crop in pixels
SIDE = 320
#: narrower plates are neither learned nor held against the network
MIN_WIDTH = 11


@dataclass
class Scene:
    """A picture in halving sizes, and the corners (4×2, clockwise from top left, pixels of level 0) of its plates."""

    name: str
    levels: list[np.ndarray]
    quads: list[np.ndarray]
    rows: list[int]
    #: plates that the labels leave out: neither wanted nor held against the network
    unlabelled: list[np.ndarray] = field(default_factory=list)


def held_out(name: str) -> bool:
    """Every third scene, by the hash of its name, is never trained on in a run that reports figures."""
    return hashlib.sha256(os.path.basename(name).encode()).digest()[0] % 3 == 0


def turned_box(x: float, y: float, w: float, h: float, degrees: float) -> np.ndarray:
    """The corners of a box turned about its middle."""
    a = np.deg2rad(degrees)
    c, s = np.cos(a), np.sin(a)
    unit = np.asarray([[-w, -h], [w, -h], [w, h], [-w, h]], np.float64) / 2
    return unit @ np.asarray([[c, s], [-s, c]]) + (x + w / 2, y + h / 2)


def read_picture(path: str) -> np.ndarray | None:
    """BGR, or None for a file that cannot be read."""
    return cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)


def _levels(picture: np.ndarray) -> list[np.ndarray]:
    levels = [picture]
    while min(levels[-1].shape[:2]) > 160:
        half = levels[-1]
        levels.append(cv2.resize(half, (half.shape[1] // 2, half.shape[0] // 2), interpolation=cv2.INTER_AREA))
    return levels


def load_scenes(folder: str, part: str) -> list[Scene]:
    """`part`: train, held-out or all."""
    found: dict[str, Scene] = {}
    with open(os.path.join(folder, "labels.tsv"), encoding="utf8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            name = row["file"]
            if part != "all" and held_out(name) != (part == "held-out"):
                continue
            if name not in found:
                picture = read_picture(os.path.join(folder, name))
                if picture is None:
                    continue
                found[name] = Scene(name, _levels(picture), [], [])
            quad = turned_box(*(float(row[k]) for k in ("x", "y", "w", "h", "rotation_deg")))
            found[name].quads.append(quad)
            found[name].rows.append(1 if float(row["w"]) / float(row["h"]) > 2.4 else 2)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "unlabelled.tsv"), encoding="utf8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["file"] in found:
                x, y, w, h = (float(row[k]) for k in ("x", "y", "w", "h"))
                found[row["file"]].unlabelled.append(turned_box(x - w / 2, y - h / 2, w, h, 0))
    return list(found.values())


def load_backgrounds(folders: list[str], cache: str) -> list[Scene]:
    """Pictures without plates: photos of Debian's wallpaper packages, and other folders named; kept small in `cache`."""
    if os.path.isdir(cache):
        return [Scene(name, _levels(np.load(os.path.join(cache, name))), [], []) for name in sorted(os.listdir(cache))]
    scenes = []
    for folder in folders:
        for path in sorted(glob.glob(os.path.join(folder, "**", "*"), recursive=True)):
            if not path.lower().endswith((".jpg", ".jpeg", ".png", ".webp")) or os.path.getsize(path) > 12e6:
                continue
            picture = read_picture(path)
            if picture is None or min(picture.shape[:2]) < 300:
                continue
            k = 1200 / max(picture.shape[:2])
            if k < 1:
                picture = cv2.resize(picture, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
            scenes.append(Scene(os.path.basename(path), _levels(picture), [], []))
    os.makedirs(cache + ".new")
    for index, scene in enumerate(scenes):
        np.save(os.path.join(cache + ".new", f"{index:04d}.npy"), scene.levels[0])
    os.replace(cache + ".new", cache)
    return scenes


def _inside(points: np.ndarray) -> float:
    """Share of a quad's box that is inside the crop."""
    lo, hi = points.min(0), points.max(0)
    size = np.maximum(hi - lo, 1e-6)
    cut = np.clip(np.minimum(hi, SIDE) - np.maximum(lo, 0), 0, None)
    return float(np.prod(cut / size))


def paste(crop: np.ndarray, picture: np.ndarray, quad: np.ndarray, rng: np.random.Generator, match: bool) -> None:
    """Warps a flat picture onto `quad` (4×2, clockwise from top left) of `crop`, in place, with its light matched or not."""
    target = max(np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[2] - quad[3]), 4)
    k = min(1.0, target * 1.4 / picture.shape[1])
    flat = cv2.resize(picture, (max(4, int(picture.shape[1] * k)), max(3, int(picture.shape[0] * k))), interpolation=cv2.INTER_AREA)
    h, w = flat.shape[:2]
    lo = np.floor(quad.min(0)).astype(int) - 2
    hi = np.ceil(quad.max(0)).astype(int) + 3
    lo, hi = np.clip(lo, 0, crop.shape[1::-1]), np.clip(hi, 0, crop.shape[1::-1])
    if (hi - lo).min() < 2:
        return
    matrix = cv2.getPerspectiveTransform(np.asarray([[0, 0], [w, 0], [w, h], [0, h]], np.float32), (quad - lo).astype(np.float32))
    size = (int(hi[0] - lo[0]), int(hi[1] - lo[1]))
    warped = cv2.warpPerspective(flat, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    alpha = cv2.warpPerspective(np.ones((h, w), np.float32), matrix, size, flags=cv2.INTER_LINEAR)
    region = crop[lo[1] : hi[1], lo[0] : hi[0]]
    below = region.astype(np.float32)
    if match and rng.random() < 0.8:
        local = float(below.mean()) + 12
        gain = np.clip(local / (float(warped.mean()) + 12), 0.15, 1.7)
        warped = warped * (gain * rng.uniform(0.75, 1.5)) + rng.uniform(-8, 12)
    else:
        warped = warped * rng.uniform(0.3, 1.1)
    if rng.random() < 0.5:
        alpha = cv2.GaussianBlur(alpha, (0, 0), rng.uniform(0.3, 0.9))
    if rng.random() < 0.4 and target > 24:
        warped = cv2.GaussianBlur(warped, (0, 0), rng.uniform(0.3, 1.4))
    np.copyto(region, np.clip(below + alpha[:, :, None] * (warped - below), 0, 255).astype(np.uint8))


def _look_alike(rng: np.random.Generator, glyphs: Glyphs) -> np.ndarray:
    """Something that is not a plate: a shop sign, a time stamp, a phone number, a badge, a grille, an empty plate-coloured board."""
    choice = rng.random()
    width, height = int(rng.integers(180, 520)), int(rng.integers(50, 170))
    ground = rng.uniform(0, 255, 3)
    if rng.random() < 0.5:
        ground = np.asarray([(190, 80, 15), (30, 185, 245), (120, 190, 110), (240, 240, 240), (20, 20, 20), (30, 30, 200)][int(rng.integers(0, 6))], np.float64)
    board = np.empty((height, width, 3), np.float32)
    board[:] = ground
    paint = np.asarray((245, 245, 245) if ground.mean() < 130 else (20, 20, 20), np.float32)
    if rng.random() < 0.25:
        paint = rng.uniform(0, 255, 3).astype(np.float32)
    if choice < 0.16:
        pass
    elif choice < 0.3:
        step = int(rng.integers(6, 30))
        for at in range(0, height if rng.random() < 0.6 else width, step):
            if rng.random() < 0.5:
                board[at : at + step // 2] = paint
            else:
                board[:, at : at + step // 2] = paint
    else:
        if choice < 0.5:
            chars = "0123456789" * 3 + "-"
            count = int(rng.integers(8, 13))
        elif choice < 0.62:
            chars = "0123456789:-/ "
            count = int(rng.integers(10, 20))
        elif choice < 0.78:
            chars = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
            count = int(rng.integers(3, 10))
        else:
            chars = "停车场出入口便利店饭店小区物业管理处欢迎光临禁止中国移动银行水果批发烟酒茶消防通道请勿修理厂洗汽药房幼儿园快递学校公司南北东西路街"
            count = int(rng.integers(2, 9))
        face = int(rng.integers(0, 3))
        pitch = max(8, int((width - 16) / count))
        tall = int(min(height * rng.uniform(0.4, 0.85), pitch * rng.uniform(1.0, 2.2)))
        top = (height - tall) // 2
        for i in range(count):
            c = chars[int(rng.integers(0, len(chars)))]
            if c in " -:/":
                continue
            x = 8 + i * pitch
            cell = max(4, int(pitch * 0.85))
            if x + cell >= width or tall < 4:
                break
            mask = glyphs.cell(c, "none", cell, tall, face)
            part = board[top : top + tall, x : x + cell]
            part += mask[:, :, None] * (paint - part)
    if rng.random() < 0.4:
        cv2.rectangle(board, (2, 2), (width - 3, height - 3), tuple(map(float, paint)), int(rng.integers(1, 5)))
    return np.clip(board + rng.normal(0, 5, 3), 0, 255).astype(np.uint8)


def write_over(crop: np.ndarray, rng: np.random.Generator, taken: list[np.ndarray]) -> None:
    """What recorders write into a picture (time, counter, place) and badges of cars: bare letters on the scene, in place."""
    fonts = [cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_PLAIN]
    for _ in range(int(rng.integers(1, 4))):
        n = lambda count: "".join(str(d) for d in rng.integers(0, 10, count))  # noqa: E731
        stamp = rng.random() < 0.65
        if stamp:
            text = [f"20{n(2)}-{n(2)}-{n(2)}", f"20{n(2)}/{n(2)}/{n(2)}", f"{n(2)}:{n(2)}:{n(2)}", f"{n(4)}/{n(5)}", f"{n(3)}KM/H", f"CAM{n(2)}", n(8), f"20{n(2)}-{n(2)}-{n(2)} {n(2)}:{n(2)}:{n(2)}"][int(rng.integers(0, 8))]
        else:
            text = "".join("ABCDEFGHIKLMNOPRSTUVWXYZ1234568."[i] for i in rng.integers(0, 32, int(rng.integers(3, 8))))
        font = fonts[int(rng.integers(0, 4))]
        tall = float(np.exp(rng.uniform(np.log(6), np.log(34))))
        scale = tall / cv2.getTextSize("0", font, 1.0, 1)[0][1]
        thick = max(1, int(round(tall * rng.uniform(0.08, 0.2))))
        (w, h), _ = cv2.getTextSize(text, font, scale, thick)
        x, y = int(rng.uniform(-0.2 * w, SIDE - 0.5 * w)), int(rng.uniform(h, SIDE))
        box = np.asarray([[x, y - h], [x + w, y - h], [x + w, y], [x, y]], np.float64)
        if _overlaps(box, taken):
            continue
        light = rng.random() < (0.8 if stamp else 0.6)
        paint = (int(rng.integers(225, 256)),) * 3 if light else tuple(int(v) for v in rng.integers(0, 90, 3))
        if stamp and rng.random() < 0.15:
            paint = [(0, 255, 255), (0, 0, 255), (0, 255, 0)][int(rng.integers(0, 3))]
        if rng.random() < 0.7:
            rim = (0, 0, 0) if light else (235, 235, 235)
            cv2.putText(crop, text, (x, y), font, scale, rim, thick + int(rng.integers(1, 4)), cv2.LINE_AA)
        cv2.putText(crop, text, (x, y), font, scale, paint, thick, cv2.LINE_AA)


def _overlaps(quad: np.ndarray, others: list[np.ndarray], gap: float = 6) -> bool:
    lo, hi = quad.min(0) - gap, quad.max(0) + gap
    return any((lo < o.max(0)).all() and (o.min(0) < hi).all() for o in others)


def _free_quad(rng: np.random.Generator, width: float, aspect: float) -> np.ndarray:
    """A quad of about this width somewhere in the crop, turned and seen at a slant."""
    w, h = width, width / aspect * rng.uniform(0.85, 1.15)
    quad = turned_box(0, 0, w, h, rng.normal(0, 7)) - (w / 2, h / 2)
    quad += rng.normal(0, 0.03, (4, 2)) * h + rng.normal(0, 0.12) * np.asarray([[0, -1], [0, 1], [0, 1], [0, -1]]) * h
    return quad + rng.uniform(0, SIDE, 2)


def _background(rng: np.random.Generator, backgrounds: list[Scene]) -> np.ndarray:
    """A crop of a picture without plates, at a random size."""
    picture = backgrounds[int(rng.integers(0, len(backgrounds)))].levels
    level = picture[int(rng.integers(0, len(picture)))]
    if min(level.shape[:2]) <= SIDE:
        return cv2.resize(level, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    y, x = (int(rng.integers(0, n - SIDE)) for n in level.shape[:2])
    return level[y : y + SIDE, x : x + SIDE].copy()


class PlateBank:
    """Drawn plates at half size, renewed little by little: drawing each anew would cost more than the rest of a sample."""

    def __init__(self, rng: np.random.Generator, glyphs: Glyphs, size: int = 2500):
        self.rng, self.glyphs = rng, glyphs
        self.plates = [self._draw() for _ in range(size)]
        self.boards = [self._board() for _ in range(size // 3)]

    def _draw(self) -> Plate:
        plate = draw_ebike_plate(self.rng, self.glyphs) if self.rng.random() < 0.02 else draw_plate(random_kind(self.rng), self.rng, self.glyphs)
        plate.picture = cv2.resize(plate.picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        return plate

    def _board(self) -> np.ndarray:
        return cv2.resize(_look_alike(self.rng, self.glyphs), None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)

    def board(self) -> np.ndarray:
        """Something that is not a plate."""
        at = int(self.rng.integers(0, len(self.boards)))
        board = self.boards[at]
        if self.rng.random() < 0.1:
            self.boards[at] = self._board()
        return board

    def take(self, ebike: bool) -> Plate:
        """Any plate of the bank; one of an e-bike only where it is asked for."""
        at = int(self.rng.integers(0, len(self.plates)))
        plate = self.plates[at]
        if self.rng.random() < 0.15:
            self.plates[at] = self._draw()
        return plate if ebike or plate.kind != "ebike" else self.take(ebike)


def make_sample(rng: np.random.Generator, scenes: list[Scene], backgrounds: list[Scene], bank: PlateBank):
    """One crop (SIDE×SIDE×3 BGR uint8) and its plates: (quads n×4×2 float32, rows n, ignore n bool)."""
    from_scene = not backgrounds or rng.random() < 0.8
    pool = scenes if from_scene else backgrounds
    scene = pool[int(rng.integers(0, len(pool)))]
    height, width = scene.levels[0].shape[:2]
    replace = rng.random() < 0.62
    flip = bool(replace and rng.random() < 0.5)
    wanted = float(np.exp(rng.uniform(np.log(14), np.log(210)))) if rng.random() < 0.75 else float(rng.uniform(14, 45))
    if scene.quads and rng.random() < 0.88:
        anchor = scene.quads[int(rng.integers(0, len(scene.quads)))]
        plate_width = np.linalg.norm(anchor[1] - anchor[0])
        k = min(wanted / plate_width, 2.2)
        middle = anchor.mean(0)
        at = rng.uniform(0.08, 0.92, 2) * SIDE
    else:
        k = float(np.exp(rng.uniform(np.log(0.25), np.log(1.3))))
        middle = rng.uniform(0, 1, 2) * (width, height)
        at = np.asarray([SIDE / 2, SIDE / 2])
    angle = np.deg2rad(rng.normal(0, 4))
    kx = k * rng.uniform(0.88, 1.14)
    linear = np.asarray([[np.cos(angle) * kx, -np.sin(angle) * k], [np.sin(angle) * kx, np.cos(angle) * k]])
    linear[0, 1] += rng.normal(0, 0.04) * k
    if flip:
        linear[:, 0] *= -1
    shift = at - linear @ middle
    level = int(np.clip(np.floor(np.log2(1 / max(k, 1e-3))), 0, len(scene.levels) - 1))
    from_level = np.asarray([[width / scene.levels[level].shape[1], 0], [0, height / scene.levels[level].shape[0]]])
    matrix = np.column_stack([linear @ from_level, shift])
    if backgrounds and rng.random() < 0.7:
        # what lies beyond the scene's edge is another picture, not an emptiness that teaches nothing
        crop = _background(rng, backgrounds)
        cv2.warpAffine(scene.levels[level], matrix, (SIDE, SIDE), crop, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
    else:
        crop = cv2.warpAffine(scene.levels[level], matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(114, 114, 114))

    quads: list[np.ndarray] = []
    rows: list[int] = []
    ignore: list[bool] = []
    for quad, row in zip(scene.quads, scene.rows):
        moved = quad @ linear.T + shift
        if _inside(moved) <= 0:
            continue
        if flip:
            moved = moved[[1, 0, 3, 2]]
        if replace:
            plate = bank.take(False)
            middle = moved.mean(0)
            grow = rng.uniform(1.08, 1.3)
            new = (moved - middle) * grow
            if plate.rows == 2:
                # keep the width, give it the double plate's height
                side = (new[3] - new[0] + new[2] - new[1]) / 2
                more = side * (rng.uniform(1.35, 1.6) - 1) / 2
                new = new + np.asarray([-more, -more, more, more])
            new = new + middle + rng.normal(0, 0.025, (4, 2)) * np.linalg.norm(new[3] - new[0])
            if rng.random() < 0.3:
                edge = (new - new.mean(0)) * rng.uniform(1.05, 1.2) + new.mean(0)
                frame = np.empty((20, 60, 3), np.uint8)
                frame[:] = int(rng.integers(0, 230))
                paste(crop, frame, edge, rng, False)
            paste(crop, plate.picture, new, rng, True)
            moved, row = new, plate.rows
        elif flip:
            continue
        quads.append(moved)
        rows.append(row)
        ignore.append(_inside(moved) < 0.7 or np.linalg.norm(moved[1] - moved[0]) < MIN_WIDTH)
    for quad in scene.unlabelled:
        moved = quad @ linear.T + shift
        if _inside(moved) > 0:
            quads.append(moved)
            rows.append(1)
            ignore.append(True)
    extra = int(rng.integers(0, 3)) if (not from_scene or rng.random() < 0.3) else 0
    for _ in range(extra):
        plate = bank.take(True)
        quad = _free_quad(rng, float(np.exp(rng.uniform(np.log(14), np.log(200)))), plate.picture.shape[1] / plate.picture.shape[0])
        if _overlaps(quad, quads) or _inside(quad) < 0.75:
            continue
        paste(crop, plate.picture, quad, rng, rng.random() < 0.6)
        quads.append(quad)
        rows.append(plate.rows)
        # e-bike plates are an extra: neither wanted nor held against the network here
        ignore.append(plate.kind == "ebike" or np.linalg.norm(quad[1] - quad[0]) < MIN_WIDTH)
    for _ in range(int(rng.integers(0, 4)) if rng.random() < 0.6 else 0):
        board = bank.board()
        quad = _free_quad(rng, float(np.exp(rng.uniform(np.log(16), np.log(260)))), board.shape[1] / board.shape[0])
        if not _overlaps(quad, quads):
            paste(crop, board, quad, rng, rng.random() < 0.7)
    late = rng.random()
    if late < 0.12:
        write_over(crop, rng, quads)
    crop = degrade(crop, rng, 0.8)
    if 0.12 <= late < 0.34:
        # a recorder writes after the lens and the night
        write_over(crop, rng, quads)
    return crop, np.asarray(quads, np.float32).reshape(-1, 4, 2), np.asarray(rows, np.int64), np.asarray(ignore, bool)
