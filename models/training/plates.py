"""Draws Chinese number plates of every kind, as a flat picture with known text and corners.

Layouts follow GA 36-2018 (sizes in millimetres, one pixel a millimetre). The glyphs are those of the real plate typeface,
given as a folder that stays outside the project (`font_model` of a plate generator under the MIT licence; see README.md);
characters that the folder does not have, and a share of all plates, are drawn with typefaces of Debian's packages, so that
a network does not learn one typeface by heart.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
DIGITS = "0123456789"
SERIAL = LETTERS + DIGITS
SPECIAL = "领使学警挂港澳民航临超试"
#: What the reader can answer, in the order of its output; index 0 is the CTC blank.
CHARACTERS = PROVINCES + DIGITS + LETTERS + SPECIAL
COLORS = ["blue", "yellow", "green", "yellow-green", "white", "black"]

TYPEFACES = [
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc", 2),
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),
]


@dataclass
class Plate:
    """A drawn plate: `picture` H×W×3 BGR uint8 cut exactly at the plate's edge, and what stands on it."""

    picture: np.ndarray
    text: str
    kind: str
    color: str
    rows: int


class Glyphs:
    """Masks (float32, 1 = paint) of characters in a cell of width × height pixels."""

    def __init__(self, folder: str | None):
        self.real: dict[str, np.ndarray] = {}
        if folder:
            for name in sorted(os.listdir(folder)):
                data = np.fromfile(os.path.join(folder, name), np.uint8)
                picture = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
                self.real[os.path.splitext(name)[0]] = 1.0 - picture.astype(np.float32) / 255.0
        self.faces = [(path, index) for path, index in TYPEFACES if os.path.exists(path)]
        if not self.faces:
            raise SystemExit("no CJK typeface found: apt-get install fonts-noto-cjk fonts-wqy-zenhei")
        self.drawn: dict[tuple[str, int], np.ndarray] = {}
        self.cells: dict[tuple[str, int, int], np.ndarray] = {}

    def _drawn(self, character: str, face: int) -> np.ndarray:
        key = (character, face)
        if key not in self.drawn:
            path, index = self.faces[face]
            font = ImageFont.truetype(path, 160, index=index)
            canvas = Image.new("L", (400, 300), 0)
            ImageDraw.Draw(canvas).text((100, 40), character, fill=255, font=font)
            mask = np.asarray(canvas, np.float32) / 255.0
            ys, xs = np.where(mask > 0.4)
            self.drawn[key] = mask[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
        return self.drawn[key]

    def cell(self, character: str, family: str, width: int, height: int, face: int, instead: int = 0, natural: bool = False) -> np.ndarray:
        """The mask of one character; `face` < 0 asks for the real typeface of `family` (140, 220, 220_up, 220_down, green),
        `instead` is the face of what that one does not have; `natural`: what is drawn with a face is squeezed into the cell where
        it must, and not stretched."""
        name = f"{family}_{character}" if face < 0 else ""
        if face < 0 and name not in self.real:
            # the large typeface keeps letters apart by row, and digits and Chinese characters not
            name = next((n for n in (f"220_{character}", f"140_{character}") if family.startswith("220") and n in self.real), "")
            if not name and f"140_{character}" in self.real:
                name = f"140_{character}"
        face = (face if face >= 0 else instead) % len(self.faces)
        natural = natural and not name
        key = (name or f"{character}@{face}{'n' if natural else ''}", width, height)
        if key not in self.cells:
            mask = self.real[name] if name else self._drawn(character, face)
            own = int(round(mask.shape[1] / mask.shape[0] * height))
            if natural and own < width:
                left = (width - own) // 2
                inner = cv2.resize(mask, (max(own, 2), height), interpolation=cv2.INTER_AREA)
                self.cells[key] = np.pad(inner, ((0, 0), (left, width - left - inner.shape[1])))
            elif not name and character in "1" and mask.shape[1] < mask.shape[0] * 0.4:
                pad = int(width * 0.3)
                inner = cv2.resize(mask, (width - 2 * pad, height), interpolation=cv2.INTER_AREA)
                self.cells[key] = np.pad(inner, ((0, 0), (pad, pad)))
            else:
                self.cells[key] = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
        return self.cells[key]


def _pick(rng: np.random.Generator, choices: str, count: int = 1) -> str:
    return "".join(choices[i] for i in rng.integers(0, len(choices), count))


def _letter(rng: np.random.Generator) -> str:
    """A letter; those that smear into one another come more often."""
    return _pick(rng, "MWHNKXVUDQBRSGC" if rng.random() < 0.3 else LETTERS)


def _serial(rng: np.random.Generator, count: int) -> str:
    letters = rng.choice([0, 1, 2, 3], p=[0.3, 0.42, 0.23, 0.05])
    out = list(_pick(rng, DIGITS, count))
    for place in rng.permutation(count)[: min(letters, count)]:
        out[place] = _letter(rng)
    return "".join(out)


def random_text(kind: str, rng: np.random.Generator) -> str:
    """A text that can stand on a plate of this kind (standards of GA 36-2018 and the special series)."""
    head = _pick(rng, PROVINCES) + _letter(rng)
    if kind in ("small", "large", "large-double"):
        return head + _serial(rng, 5)
    if kind == "nev-small":
        return head + _pick(rng, "DDDDFABCEGHJK") + _pick(rng, SERIAL) + _pick(rng, DIGITS, 4)
    if kind == "nev-large":
        return head + _pick(rng, DIGITS, 5) + _pick(rng, "DFABCEGHJK")
    if kind == "police":
        return head + _pick(rng, "ABCD" + DIGITS) + _pick(rng, DIGITS, 3) + "警"
    if kind == "armed-police":
        province = _pick(rng, PROVINCES) if rng.random() < 0.75 else ""
        return "WJ" + province + _pick(rng, DIGITS, 4) + _pick(rng, "0123456789TDSHBXJ")
    if kind in ("military", "military-double"):
        return _pick(rng, "VKHBSLJNGCE") + _pick(rng, "ABCDEFGHJKLMNPRTVY".replace("I", "")) + _pick(rng, DIGITS, 5)
    if kind == "embassy":
        return "使" + _pick(rng, DIGITS, 6) if rng.random() < 0.5 else _pick(rng, DIGITS, 6) + "使"
    if kind == "consulate":
        return head + _pick(rng, DIGITS, 4) + "领"
    if kind == "hk-macao":
        return "粤Z" + _serial(rng, 4) + _pick(rng, "港澳")
    if kind == "school":
        return head + _serial(rng, 4) + "学"
    if kind == "trailer":
        return head + _serial(rng, 4) + "挂"
    if kind == "aviation":
        return "民航" + _serial(rng, 5)
    if kind == "foreign":
        return head + _serial(rng, 5)
    if kind == "temporary":
        return head + _serial(rng, 4 if rng.random() < 0.5 else 5) + _pick(rng, "临超试")
    raise ValueError(kind)


#: Kind → how often it is drawn. Frequencies are for learning, not those of the street.
KINDS = {
    "small": 34, "large": 7, "large-double": 16, "nev-small": 14, "nev-large": 4, "police": 4, "armed-police": 6,
    "military": 3, "military-double": 2, "embassy": 2, "consulate": 3, "hk-macao": 3, "school": 4, "trailer": 7,
    "aviation": 3, "foreign": 1.5, "temporary": 2,
}  # fmt: skip

# ground (BGR), paint (BGR), colour name
_STYLE = {
    "small": ((150, 60, 10), (245, 245, 245), "blue"),
    "large": ((20, 180, 245), (20, 20, 20), "yellow"),
    "large-double": ((20, 180, 245), (20, 20, 20), "yellow"),
    "school": ((20, 180, 245), (20, 20, 20), "yellow"),
    "trailer": ((20, 180, 245), (20, 20, 20), "yellow"),
    "nev-small": ((130, 200, 120), (20, 20, 20), "green"),
    "nev-large": ((120, 195, 110), (20, 20, 20), "yellow-green"),
    "police": ((235, 235, 235), (20, 20, 20), "white"),
    "armed-police": ((235, 235, 235), (20, 20, 20), "white"),
    "military": ((235, 235, 235), (20, 20, 20), "white"),
    "military-double": ((235, 235, 235), (20, 20, 20), "white"),
    "embassy": ((25, 25, 25), (240, 240, 240), "black"),
    "consulate": ((25, 25, 25), (240, 240, 240), "black"),
    "hk-macao": ((25, 25, 25), (240, 240, 240), "black"),
    "foreign": ((25, 25, 25), (240, 240, 240), "black"),
    "aviation": ((90, 140, 20), (240, 240, 240), "green"),
    "temporary": ((225, 225, 225), (30, 30, 30), "white"),
}
_RED = (30, 30, 200)


def _paint(canvas: np.ndarray, mask: np.ndarray, x: int, y: int, color) -> None:
    height, width = mask.shape
    region = canvas[y : y + height, x : x + width]
    region += mask[:, :, None] * (np.asarray(color, np.float32) - region)


def _ground(kind: str, rng: np.random.Generator, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    base, paint, _ = _STYLE[kind]
    color = np.asarray(base, np.float32)
    if kind == "small":
        color = np.asarray([rng.uniform(95, 225), rng.uniform(30, 110), rng.uniform(0, 45)], np.float32)
    elif _STYLE[kind][2] == "yellow":
        color = np.asarray([rng.uniform(0, 60), rng.uniform(140, 205), rng.uniform(215, 255)], np.float32)
    canvas = np.empty((height, width, 3), np.float32)
    canvas[:] = color + rng.normal(0, 6, 3)
    if kind in ("nev-small", "nev-large"):
        down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None] ** rng.uniform(0.6, 1.4)
        bottom = np.asarray([rng.uniform(80, 150), rng.uniform(165, 215), rng.uniform(60, 140)], np.float32)
        if kind == "nev-small":
            canvas[:] = (1 - down) * np.asarray([245, 245, 242], np.float32) + down * bottom
        else:
            canvas[:] = bottom
            canvas[:, : int(width * 0.3)] = (rng.uniform(20, 80), rng.uniform(160, 200), rng.uniform(215, 250))
    return canvas, np.asarray(paint, np.float32) + rng.normal(0, 6, 3)


def _row(text: str, rng: np.random.Generator, place: list[int], y: int, width: int, height: int) -> list[tuple[str, int, int, int, int]]:
    return [(c, x, y, width, height) for c, x in zip(text, place)]


def draw_plate(kind: str, rng: np.random.Generator, glyphs: Glyphs, text: str | None = None, generic: float = 0.25) -> Plate:
    """Draws one plate; `generic` is the share drawn with a typeface that is not the plates' own."""
    text = text or random_text(kind, rng)
    color_name = _STYLE[kind][2]
    double = kind in ("large-double", "trailer", "military-double")
    if kind == "trailer" and rng.random() < 0.3:
        double = False
    # two rows are rarer, and their upper characters are the smallest that there are
    face = int(rng.integers(0, 3)) if rng.random() < (generic * 1.6 if double else generic) or not glyphs.real else -1
    natural = bool(rng.random() < 0.6)
    green = kind in ("nev-small", "nev-large")
    width, height = (440, 220) if double else (480, 140) if green else (440, 140)
    if double and rng.random() < 0.15:
        height = 160
    canvas, paint = _ground("nev-small" if kind == "aviation" and rng.random() < 0.3 else kind, rng, width, height)
    border = rng.random() < 0.9
    if border and not green:
        cv2.rectangle(canvas, (4, 4), (width - 5, height - 5), tuple(map(float, paint)), 3)
    if double:
        k = height / 220
        cells = _row(text[:2], rng, [110, 250], int(15 * k), 80, int(60 * k))
        count = len(text) - 2
        cells += _row(text[2:], rng, [27 + 80 * i for i in range(count)], int(90 * k), 65, int(110 * k))
        family = ["220_up"] * 2 + ["220_down"] * count
        dot = None
    elif green:
        cells = _row(text[0], rng, [15], 25, 45, 90) + _row(text[1], rng, [69], 25, 43, 90)
        cells += _row(text[2:], rng, [161 + 52 * i for i in range(6)], 25, 43, 90)
        family = ["green"] * 8
        dot = None
        cv2.circle(canvas, (137, 70), 13, (float(rng.uniform(60, 200)), 120.0, float(rng.uniform(60, 200))), -1)
    else:
        # where the wide gap with the dot stands
        gap = 2
        if kind == "embassy":
            gap = 4 if text[0] == "使" else 3
        if kind == "armed-police":
            gap = 3 if len(text) == 8 and rng.random() < 0.7 else 2
        count = len(text)
        pitch, cell = (57, 45) if count <= 7 else (50, 40)
        total = pitch * (count - 1) + cell + 22
        left = (440 - total) // 2
        cells = [(c, left + pitch * i + (22 if i >= gap else 0), 25, cell, 90) for i, c in enumerate(text)]
        family = ["140"] * count
        dot = (left + pitch * (gap - 1) + cell + (pitch - cell + 22) // 2, 70)
        if kind == "armed-police" and count == 8 and rng.random() < 0.6:
            # the province stands small after WJ on most of these plates
            c, x, _, _, _ = cells[2]
            cells[2] = (c, x + 4, 50, cell - 6, 62)
    if dot and kind != "temporary":
        cv2.circle(canvas, dot, 5, tuple(map(float, paint)), -1)
    weight, instead = rng.uniform(-0.5, 0.5), int(rng.integers(0, 3))
    for place, ((character, x, y, w, h), fam) in enumerate(zip(cells, family)):
        mask = glyphs.cell(character, fam, w, h, face, instead, natural)
        if abs(weight) > 0.25:
            kernel = np.ones((3, 3), np.uint8)
            mask = cv2.dilate(mask, kernel) if weight > 0 else cv2.erode(mask, kernel)
        color = paint
        head = 3 if len(text) == 8 else 2
        if character == "警" or (kind == "armed-police" and place < head) or (kind.startswith("military") and place < 2):
            color = np.asarray(_RED, np.float32)
        _paint(canvas, mask, x, y, color)
    _wear(canvas, rng, double, width, height)
    return Plate(np.clip(canvas, 0, 255).astype(np.uint8), text, kind.replace("large-double", "large").replace("-double", ""), color_name, 2 if double else 1)


def draw_ebike_plate(rng: np.random.Generator, glyphs: Glyphs) -> Plate:
    """A plate of an e-bike: every city has its own; a city's characters above, five to seven characters below."""
    ground = [(235, 235, 235), (150, 70, 20), (60, 150, 40), (30, 190, 240)][int(rng.integers(0, 4))]
    light = sum(ground) > 450
    width, height = 220, int(rng.choice([110, 140]))
    canvas = np.empty((height, width, 3), np.float32)
    canvas[:] = np.asarray(ground, np.float32) + rng.normal(0, 10, 3)
    paint = (20.0, 20.0, 20.0) if light else (240.0, 240.0, 240.0)
    city = _pick(rng, PROVINCES + "州海山江南北东西安阳城", 2)
    count = int(rng.integers(5, 8))
    text = _pick(rng, LETTERS + DIGITS * 4, count)
    face = int(rng.integers(0, 3))
    for i, c in enumerate(city):
        _paint(canvas, glyphs.cell(c, "140", 34, 32, face), 60 + 60 * i, 8, paint)
    pitch = 200 // count
    for i, c in enumerate(text):
        _paint(canvas, glyphs.cell(c, "140", pitch - 5, height - 58, face), 12 + pitch * i, 48, paint)
    _wear(canvas, rng, True, width, height)
    return Plate(np.clip(canvas, 0, 255).astype(np.uint8), text, "ebike", "white" if light else "blue", 2)


def _wear(canvas: np.ndarray, rng: np.random.Generator, double: bool, width: int, height: int) -> None:
    """Screws, dirt, fading and shadows, in place."""
    if rng.random() < 0.75:
        tint = float(rng.uniform(40, 235))
        radius = int(rng.integers(5, 11))
        spots = [(int(width * 0.26), 12), (int(width * 0.74), 12)]
        if rng.random() < 0.5:
            spots += [(int(width * 0.26), height - 12), (int(width * 0.74), height - 12)]
        for x, y in spots:
            cv2.circle(canvas, (x + int(rng.integers(-4, 5)), y), radius, (tint, tint, tint), -1)
    if rng.random() < 0.5:
        small = rng.random((6, 12)).astype(np.float32)
        dirt = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)[:, :, None]
        strength = rng.uniform(0.1, 0.7)
        tone = np.asarray([rng.uniform(40, 120)] * 3, np.float32) + rng.normal(0, 12, 3)
        canvas += np.clip((dirt - 0.5) * 2 * strength, 0, 0.85) * (tone - canvas)
    if rng.random() < 0.35:
        # an edge of shadow across the plate
        angle = rng.uniform(0, np.pi)
        ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
        side = np.cos(angle) * (xs - rng.uniform(0, width)) + np.sin(angle) * (ys - rng.uniform(0, height))
        shade = 1 - rng.uniform(0.2, 0.65) * (0.5 + 0.5 * np.tanh(side / rng.uniform(4, 60)))
        canvas *= shade[:, :, None]
    if rng.random() < 0.15:
        # a glare
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
        glow = np.exp(-(((xs - x) / rng.uniform(20, 120)) ** 2 + ((ys - y) / rng.uniform(15, 80)) ** 2))
        canvas += glow[:, :, None] * rng.uniform(60, 220)


def random_kind(rng: np.random.Generator) -> str:
    """A kind by the weights of `KINDS`."""
    names = list(KINDS)
    weights = np.asarray([KINDS[n] for n in names], np.float64)
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]
