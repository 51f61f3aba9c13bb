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


def passing_by_night(picture: np.ndarray, rng: np.random.Generator, width: float) -> np.ndarray:
    """A plate of `width` pixels on a vehicle that moves while a night's long exposure lasts: smear, a high gain's noise, coding.

    At 5 m a plate half a metre up, seen from a 1.7 m post at 5 m/s, moves by a tenth of its width in 1/30 s, downwards and to a side.
    A lamp that pulses leaves that many weaker pictures in place of one smear.
    """
    length = max(1.0, width * 0.1 * rng.random() ** 1.4)
    angle = rng.uniform(0.2, 0.8) * np.pi if rng.random() < 0.75 else rng.uniform(0, np.pi)
    kernel = motion_kernel(length, angle)
    if rng.random() < 0.4:
        pulses, size = int(rng.integers(2, 5)), kernel.shape[0]
        kernel[:] = 0
        for at in np.linspace(-0.5, 0.5, pulses):
            x, y = (size - 1) / 2 + np.cos(angle) * length * at, (size - 1) / 2 + np.sin(angle) * length * at
            kernel[int(np.clip(round(y), 0, size - 1)), int(np.clip(round(x), 0, size - 1))] += 1 / pulses
    work = cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REPLICATE).astype(np.float32)
    # not darker than it can still be read: what is pasted has its own light already
    work *= rng.uniform(0.6, 1.0) * max(1.0, 45 / max(float(work.mean()), 8))
    if rng.random() < 0.1:
        work[:] = work.mean(2, keepdims=True)
    work += noise(work.shape, rng) * rng.uniform(2, 14)
    if rng.random() < 0.2:
        for _ in range(int(rng.integers(1, 6))):
            # rain: streaks of light
            x, y, tall = int(rng.integers(0, work.shape[1])), int(rng.integers(0, work.shape[0])), int(rng.integers(8, 34))
            work[y : y + tall, x] += rng.uniform(14, 46)
    out = np.clip(work, 0, 255).astype(np.uint8)
    if rng.random() < 0.85:
        out = cv2.imdecode(cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 88))])[1], cv2.IMREAD_COLOR)
    return out


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
