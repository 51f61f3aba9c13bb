#!/usr/bin/env python3
"""Makes 8-bit weights and activations of a network, all but its last layers. Called by quantise_finder.mjs.

    quantise.py expose NET.onnx EXPOSED.onnx              the tensors whose ranges are wanted become outputs
    quantise.py apply NET.onnx RANGES.json QUANTISED.onnx

Activations take 0..255 over the ranges given, one for a tensor; weights a scale for each channel and steps of -63..63:
processors without VNNI add two products in sixteen bits, and 2 x 255 x 63 is the most that stays in them. With 127 the
same network would say other things there than where it was measured.
"""

import json
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LAST = {"/finder/score/Conv_output_0", "/finder/corner/Conv_output_0"}
WEIGHT_STEPS = 63


def plan(graph):
    """The convolutions to quantise, and the tensors that need ranges: their inputs and outputs, sums, enlargements."""
    readers = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)

    def settled(node):
        """A ReLU behind a node belongs to it."""
        behind = readers.get(node.output[0], [])
        return behind[0].output[0] if len(behind) == 1 and behind[0].op_type == "Relu" else node.output[0]

    convolutions = [node for node in graph.node if node.op_type == "Conv" and node.output[0] not in LAST]
    tensors = [name for node in convolutions for name in (node.input[0], settled(node))]
    for node in graph.node:
        if node.op_type == "Add" and all(name.startswith("/finder/") for name in (node.input[0], node.output[0])):
            tensors.append(settled(node))
        if node.op_type == "Resize":
            tensors.append(node.output[0])
    return convolutions, list(dict.fromkeys(tensors))


def expose(graph, tensors):
    for name in tensors:
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))


def apply(graph, convolutions, tensors, ranges):
    initial = {tensor.name: tensor for tensor in graph.initializer}
    added, scales = [], {}

    def constant(values, name):
        graph.initializer.append(numpy_helper.from_array(values, name))
        return name

    for name in tensors:
        low, high = min(ranges[name][0], 0), max(ranges[name][1], 0)
        scale = (high - low) / 255 or 1e-8
        scales[name] = scale
        form = [constant(np.float32(scale), name + "_s"), constant(np.uint8(round(-low / scale)), name + "_z")]
        added.append(helper.make_node("QuantizeLinear", [name, *form], [name + "_q"]))
        added.append(helper.make_node("DequantizeLinear", [name + "_q", *form], [name + "_d"]))
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name in scales:
                node.input[index] = name + "_d"
    for node in convolutions:
        source, weight, bias = node.input[0][:-2], node.input[1], node.input[2]
        values = numpy_helper.to_array(initial[weight])
        steps = np.abs(values).reshape(len(values), -1).max(1) / WEIGHT_STEPS
        steps = np.maximum(steps, 1e-8).astype(np.float32)
        quantised = np.round(values / steps.reshape(-1, 1, 1, 1)).clip(-WEIGHT_STEPS, WEIGHT_STEPS).astype(np.int8)
        sums = (steps * scales[source]).astype(np.float32)
        biases = np.round(numpy_helper.to_array(initial[bias]) / sums).astype(np.int32)
        for name, whole, scale in ((weight, quantised, steps), (bias, biases, sums)):
            form = [constant(whole, name + "_q"), constant(scale, name + "_s")]
            form.append(constant(np.zeros(len(scale), whole.dtype), name + "_z"))
            added.append(helper.make_node("DequantizeLinear", form, [name + "_d"], axis=0))
        node.input[1], node.input[2] = weight + "_d", bias + "_d"
    nodes, ready = list(graph.node) + added, {tensor.name for tensor in graph.initializer} | {""}
    ready |= {given.name for given in graph.input}
    ordered = []
    while nodes:
        now = [node for node in nodes if all(name in ready for name in node.input)]
        assert now, "the graph has a circle"
        nodes = [node for node in nodes if node not in now]
        ordered += now
        ready |= {name for node in now for name in node.output}
    used = {name for node in ordered for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.node[:]
    graph.node.extend(ordered)
    del graph.initializer[:]
    graph.initializer.extend(kept)


def main():
    what, source, *rest = sys.argv[1:]
    model = onnx.load(source)
    convolutions, tensors = plan(model.graph)
    if what == "expose":
        expose(model.graph, tensors)
    else:
        with open(rest[0], encoding="utf8") as file:
            apply(model.graph, convolutions, tensors, json.load(file))
        onnx.checker.check_model(model)
    onnx.save(model, rest[-1])


main()
