"""What a camera does to a picture: light, noise, blur, compression. All on uint8 BGR, seeded by the generator given."""

from __future__ import annotations

import cv2
import numpy as np

_BANK = np.random.default_rng(20261122).standard_normal((4, 700, 700, 3)).astype(np.float32)


def noise(shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Standard normal noise cut from a bank (drawing it anew costs more than everything else here together)."""
    if max(shape[:2]) > 700:
        return rng.standard_normal(shape).astype(np.float32)
    bank = _BANK[int(rng.integers(0, 4))]
    y, x = int(rng.integers(0, 700 - shape[0] + 1)), int(rng.integers(0, 700 - shape[1] + 1))
    return bank[y : y + shape[0], x : x + shape[1]]


def motion_kernel(length: float, angle: float) -> np.ndarray:
    """A line of `length` pixels at `angle` radians, normalised."""
    size = int(np.ceil(length)) | 1
    kernel = np.zeros((size, size), np.float32)
    c = (size - 1) / 2
    dx, dy = np.cos(angle) * length / 2, np.sin(angle) * length / 2
    cv2.line(kernel, (int(round((c - dx) * 16)), int(round((c - dy) * 16))), (int(round((c + dx) * 16)), int(round((c + dy) * 16))), 1.0, 1, cv2.LINE_AA, 4)
    return kernel / max(kernel.sum(), 1e-6)


def degrade(picture: np.ndarray, rng: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """Returns a new picture as a worse camera would have given it; `strength` scales blur and noise."""
    out = picture
    height, width = out.shape[:2]
    if rng.random() < 0.25:
        k = rng.uniform(1.2, 1 + 1.6 * strength)
        small = cv2.resize(out, (max(8, int(width / k)), max(8, int(height / k))), interpolation=cv2.INTER_AREA)
        out = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR if rng.random() < 0.5 else cv2.INTER_CUBIC)
    if rng.random() < 0.3:
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.3, 0.3 + 1.3 * strength))
    elif rng.random() < 0.3:
        out = cv2.filter2D(out, -1, motion_kernel(rng.uniform(1.5, 1.5 + 6 * strength), rng.uniform(0, np.pi)))
    work = out.astype(np.float32)
    light = rng.random()
    if light < 0.2:
        work *= rng.uniform(0.15, 0.6)
    elif light < 0.3:
        work = work * rng.uniform(1.2, 1.9) + rng.uniform(0, 30)
    else:
        work = (work - 128) * rng.uniform(0.6, 1.35) + 128 + rng.uniform(-35, 35)
    if rng.random() < 0.4:
        work *= np.asarray([rng.uniform(0.75, 1.25), rng.uniform(0.85, 1.15), rng.uniform(0.75, 1.25)], np.float32)
    if rng.random() < 0.12:
        # infrared: no colour, and paints that look alike
        mix = rng.dirichlet((2, 2, 2)).astype(np.float32)
        work[:] = (work @ mix)[:, :, None]
    if rng.random() < 0.5:
        work += noise(work.shape, rng) * rng.uniform(1, 1 + 13 * strength)
    np.maximum(work, 0, out=work)
    np.minimum(work, 255, out=work)
    out = work.astype(np.uint8)
    if rng.random() < 0.3:
        table = (255 * (np.arange(256) / 255) ** rng.uniform(0.6, 1.6)).astype(np.uint8)
        out = cv2.LUT(out, table)
    if rng.random() < 0.6:
        quality = int(rng.integers(18, 92))
        out = cv2.imdecode(cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    if rng.random() < 0.1:
        blur = cv2.GaussianBlur(out, (0, 0), 1.2)
        amount = rng.uniform(0.4, 1.5)
        out = cv2.addWeighted(out, 1 + amount, blur, -amount, 0)
    return out
