"""What training a network is, whatever the network: the arguments, the rate, the running mean of the weights, checkpoints."""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import time
from collections.abc import Callable, Iterable

import torch


def arguments(*required: str, steps: int, batch: int) -> argparse.ArgumentParser:
    """The options that every training takes; `required` names folders and files that it cannot do without."""
    parser = argparse.ArgumentParser()
    for name in (*required, "out", "work"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--all", action="store_true", help="train on what is held out too: for a last run, whose figures say nothing")
    parser.add_argument("--start", help="a checkpoint whose weights are taken to begin with")
    return parser


class Run:
    """A network under training: `net` learns, `mean` is the running mean of its weights, which is what is exported."""

    def __init__(self, net: torch.nn.Module, options, name: str, warm_up: int, weight_decay: float):
        os.makedirs(options.work, exist_ok=True)
        self.options, self.warm_up = options, warm_up
        self.net = net.to(memory_format=torch.channels_last)
        self.mean = copy.deepcopy(self.net)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=options.rate, weight_decay=weight_decay)
        self.step = 0
        self.checkpoint = os.path.join(options.work, f"{name}.pt")
        if os.path.exists(self.checkpoint):
            saved = torch.load(self.checkpoint)
            self.net.load_state_dict(saved["net"])
            self.mean.load_state_dict(saved["mean"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.step = saved["step"]
        elif options.start:
            saved = torch.load(options.start)
            # what the checkpoint does not have begins anew
            self.net.load_state_dict(saved["mean"], strict=False)
            self.mean.load_state_dict(self.net.state_dict())

    def train(
        self,
        batches: Iterable,
        losses: Callable[..., dict[str, tuple[float, torch.Tensor]]],
        export: Callable[[torch.nn.Module, str], None],
        evaluate: Callable[[torch.nn.Module], dict],
    ) -> None:
        """Learns until `--steps`; `losses(net, *batch)` gives each loss by name with its weight. Prints every 100 steps;
        every 500 writes the checkpoint and the ONNX and prints the held-out figures."""
        options, began, sums, count = self.options, time.time(), {}, 0
        for batch in batches:
            if self.step >= options.steps:
                break
            rate = options.rate * min(1, (self.step + 1) / self.warm_up) * (0.5 + 0.49 * math.cos(math.pi * min(1, self.step / options.steps)) + 0.01)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            parts = losses(self.net, *batch)
            self.optimizer.zero_grad(set_to_none=True)
            sum(weight * loss for weight, loss in parts.values()).backward()
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
            self.optimizer.step()
            self.step += 1
            self._follow()
            count += 1
            for name, (_, loss) in parts.items():
                sums[name] = sums.get(name, 0.0) + loss.item()
            if self.step % 100 == 0:
                told = " ".join(f"{name} {total / count:.4f}" for name, total in sums.items())
                print(f"step {self.step} {told} {(time.time() - began) / count:.2f} s", flush=True)
                began, sums, count = time.time(), {}, 0
            if self.step % 500 == 0 or self.step == options.steps:
                self._save()
                export(self.mean, options.out)
                print(json.dumps({"step": self.step, **evaluate(self.mean)}, ensure_ascii=False), flush=True)
                began, sums, count = time.time(), {}, 0

    def _follow(self) -> None:
        keep = min(0.998, self.step / (self.step + 20))
        with torch.no_grad():
            for slow, fast in zip(self.mean.state_dict().values(), self.net.state_dict().values()):
                slow.mul_(keep).add_(fast, alpha=1 - keep) if slow.is_floating_point() else slow.copy_(fast)

    def _save(self) -> None:
        state = {"net": self.net.state_dict(), "mean": self.mean.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step}
        torch.save(state, self.checkpoint + ".new")
        os.replace(self.checkpoint + ".new", self.checkpoint)
