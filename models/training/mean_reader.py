"""Writes the ONNX of a weighted mean of reader checkpoints: `python3 mean_reader.py OUT.onnx 0.4:A.pt 0.6:B.pt …` (weights sum to 1)."""

from __future__ import annotations

import sys

import torch

from reader_net import Reader
from train_reader import export


def mean_of(parts: list[tuple[float, str]]) -> dict[str, torch.Tensor]:
    """The running means of these checkpoints, added up by their weights; counters are the first one's."""
    if abs(sum(weight for weight, _ in parts) - 1) > 1e-6:
        raise SystemExit("the weights must sum to 1")
    states = [(weight, torch.load(path)["mean"]) for weight, path in parts]
    return {
        name: sum(weight * state[name] for weight, state in states) if value.is_floating_point() else value
        for name, value in states[0][1].items()
    }


def main() -> None:
    out, *given = sys.argv[1:]
    net = Reader()
    net.load_state_dict(mean_of([(float(weight), path) for weight, _, path in (part.partition(":") for part in given)]))
    export(net, out)


if __name__ == "__main__":
    main()
