#!/usr/bin/env python3
"""Makes 8-bit weights and activations of a network, all but its last layers. Called by quantise_finder.mjs.

    quantise.py expose NET.onnx EXPOSED.onnx              the tensors whose ranges are wanted become outputs
    quantise.py apply NET.onnx RANGES.json QUANTISED.onnx

Activations take 0..255 over the ranges given, one for a tensor; weights a scale for each channel and steps of -63..63:
processors without VNNI add two products in sixteen bits, and 2 x 255 x 63 is the most that stays in them. With 127 the
same network would say other things there than where it was measured.

Kernels for eight bits want pixel by pixel what graphs have channel by channel, and multiples of 4 channels in. So four
pixels of the picture's rows are folded into one of 12 channels, from which the first layer makes two columns at a time;
enlarging is copying; scores and corners are one layer. None of it changes a bit of what comes out (640 x 480, one thread
of an EPYC with VNNI: 7.0 to 4.9 ms).
"""

import json
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SCORE, CORNER, LAST = "/finder/score/Conv_output_0", "/finder/corner/Conv_output_0", "last"
WEIGHT_STEPS = 63
FOLDED = 4
"""Pixels of a row that become one; the first layer, which halves the size, makes half as many columns of them."""


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

    convolutions = [node for node in graph.node if node.op_type == "Conv" and node.output[0] not in (SCORE, CORNER)]
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


class Constants:
    """A graph's initialisers by name."""

    def __init__(self, graph):
        self.graph = graph
        self.tensors = {tensor.name: tensor for tensor in graph.initializer}

    def __getitem__(self, name):
        return numpy_helper.to_array(self.tensors[name])

    def __setitem__(self, name, values):
        tensor = numpy_helper.from_array(np.asarray(values), name)
        if name in self.tensors:
            self.tensors[name].CopyFrom(tensor)
        else:
            self.graph.initializer.append(tensor)
            self.tensors[name] = self.graph.initializer[-1]

    def add(self, values, name):
        self[name] = values
        return name


def fold_first(convolution, constants):
    """A 3 x 3 layer with steps of 2, for rows of which FOLDED pixels are one; its outputs are two columns, one after the other."""
    weights = constants[convolution.input[1]]
    out, colors, high, wide = weights.shape
    folded = np.zeros((FOLDED // 2 * out, FOLDED * colors, high, 2), weights.dtype)
    for column in range(FOLDED // 2):
        for k in range(wide):
            # From the first of the folded pixels; what lies before it is the last of those before.
            at = 2 * column - 1 + k
            slot = at % FOLDED * colors
            folded[column * out : (column + 1) * out, slot : slot + colors, :, 1 + at // FOLDED] = weights[:, :, :, k]
    constants[convolution.input[1]] = folded
    constants[convolution.input[2]] = np.tile(constants[convolution.input[2]], FOLDED // 2)
    for name, values in (("kernel_shape", [high, 2]), ("strides", [2, 1]), ("pads", [1, 1, 0, 0])):
        next(one for one in convolution.attribute if one.name == name).ints[:] = values
    return out, colors


def join_last(graph, constants):
    """Scores and corners come from the same channels: one layer, split behind it."""
    score, corner = (next(node for node in graph.node if node.output[0] == name) for name in (SCORE, CORNER))
    for at in (1, 2):
        constants[score.input[at]] = np.concatenate([constants[score.input[at]], constants[corner.input[at]]])
    score.output[0] = LAST
    sizes = constants.add(np.int64([2, 8]), LAST + "_sizes")
    graph.node.remove(corner)
    graph.node.append(helper.make_node("Split", [LAST, sizes], [SCORE, CORNER], axis=1))


def apply(graph, convolutions, tensors, ranges):
    constants = Constants(graph)
    out, colors = fold_first(convolutions[0], constants)
    join_last(graph, constants)
    picture, (given, first) = graph.input[0].name, tensors[:2]
    enlarged = {}
    for node in graph.node:
        if node.op_type == "Resize":
            total = next(one for one in graph.node if node.output[0] in one.input)
            enlarged[node.output[0]] = (node.input[0], next(one for one in total.input if one != node.output[0]))
    added, scales = [], {}

    def add(kind, inputs, output, **how):
        added.append(helper.make_node(kind, inputs, [output], **how))
        return output

    def by_pixel(name):
        return add("Transpose", [name], name + "_p", perm=[0, 2, 3, 1])

    def by_channel(name):
        return add("Transpose", [name], name + "_c", perm=[0, 3, 1, 2])

    def reshaped(name, shape):
        """0 keeps a size, -1 takes what is left."""
        return add("Reshape", [name, constants.add(np.int64(shape), name + "_r_shape")], name + "_r")

    def doubled(name, beside):
        """Twice as wide and high, by copying, as large as `beside`."""
        rows = by_pixel(name)
        lines = reshaped(add("Concat", [rows, rows], name + "_wide", axis=3), [0, 0, 1, -1])
        high = add("Concat", [lines, lines], name + "_high", axis=2)
        order = constants.add(np.int64([0, 2, 3, 1]), name + "_order")
        shape = add("Gather", [add("Shape", [beside], name + "_sizes"), order], name + "_shape", axis=0)
        return by_channel(add("Reshape", [high, shape], name + "_large"))

    for name in tensors:
        if name in enlarged:
            source, beside = enlarged[name]
            scales[name], form = scales[source], [source + "_s", source + "_z"]
            steps = doubled(source + "_q", beside + "_q")
        else:
            low, high = min(ranges[name][0], 0), max(ranges[name][1], 0)
            scale = (high - low) / 255 or 1e-8
            scales[name], zero = scale, np.uint8(round(-low / scale))
            form = [constants.add(np.float32(scale), name + "_s"), constants.add(zero, name + "_z")]
            if name == given:
                assert (low, high) == (0, 1), "a picture's bytes are its steps"
                steps = by_channel(reshaped(picture, [0, 0, -1, FOLDED * colors]))
            else:
                steps = add("QuantizeLinear", [name, *form], name + "_q")
            if name == first:
                steps = by_channel(reshaped(by_pixel(steps), [0, 0, -1, out]))
        add("DequantizeLinear", [steps, *form], name + "_d")
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name in scales:
                node.input[index] = name + "_d"
    for node in convolutions:
        source, weight, bias = node.input[0][:-2], node.input[1], node.input[2]
        values = constants[weight]
        steps = np.abs(values).reshape(len(values), -1).max(1) / WEIGHT_STEPS
        steps = np.maximum(steps, 1e-8).astype(np.float32)
        quantised = np.round(values / steps.reshape(-1, 1, 1, 1)).clip(-WEIGHT_STEPS, WEIGHT_STEPS).astype(np.int8)
        sums = (steps * scales[source]).astype(np.float32)
        biases = np.round(constants[bias] / sums).astype(np.int32)
        for name, whole, scale in ((weight, quantised, steps), (bias, biases, sums)):
            form = [constants.add(whole, name + "_q"), constants.add(scale, name + "_s")]
            form.append(constants.add(np.zeros(len(scale), whole.dtype), name + "_z"))
            add("DequantizeLinear", form, name + "_d", axis=0)
        node.input[1], node.input[2] = weight + "_d", bias + "_d"
    put_in_order(graph, list(graph.node) + added)


def put_in_order(graph, nodes):
    """Each node behind what it reads, and only those that the outputs need."""
    ready = {tensor.name for tensor in graph.initializer} | {""} | {given.name for given in graph.input}
    ordered = []
    while nodes:
        now = [node for node in nodes if all(name in ready for name in node.input)]
        assert now, "the graph has a circle"
        nodes = [node for node in nodes if node not in now]
        ordered += now
        ready |= {name for node in now for name in node.output}
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(ordered):
        if needed & set(node.output):
            needed |= set(node.input)
            kept.insert(0, node)
    constants = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.node[:]
    graph.node.extend(kept)
    del graph.initializer[:]
    graph.initializer.extend(constants)


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
