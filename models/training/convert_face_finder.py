#!/usr/bin/env python3
"""Converts MediaPipe's full-range face detector (TFLite) to ONNX.

    python3 models/training/convert_face_finder.py \
        node_modules/@mediapipe/face_detection/face_detection_full_range.tflite models/face-finder.onnx

Needs Debian's python3-onnx and python3-numpy; nothing of this runs on a gateway.

What it changes, and why:
- NHWC becomes NCHW (what ONNX Runtime's CPU kernels want); weights are transposed, PAD's axes are reordered.
- The input becomes bytes, [N, H, W, 3], of any H and W that are multiples of 32, instead of floats of 192 x 192: the
  network is fully convolutional up to its last reshape, so the reshapes are left out and the two maps are the outputs.
  At 192 x 192 both give the same numbers. Bytes become -1..1 in the graph (x / 127.5 - 1), which the runtime does faster
  than we could, and a picture crosses into it at a quarter of the size.
- TFLite's SAME padding is asymmetric (the odd pixel goes behind). For even sizes it does not depend on the size, so it
  is written out as explicit pads.
- Weights stay 16-bit in the file, with a Cast that the runtime folds away when it loads the model.

The TFLite file is read with struct alone: the schema's field numbers used below are those of
tensorflow/lite/schema/schema.fbs (version 3).
"""

import struct
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Table:
    """A FlatBuffers table: field `n` is found through its vtable."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.vtable = at - struct.unpack_from("<i", data, at)[0]
        self.vtable_size = struct.unpack_from("<H", data, self.vtable)[0]

    def _field(self, n):
        slot = 4 + 2 * n
        if slot >= self.vtable_size:
            return None
        offset = struct.unpack_from("<H", self.data, self.vtable + slot)[0]
        return self.at + offset if offset else None

    def scalar(self, n, form, default=0):
        at = self._field(n)
        return default if at is None else struct.unpack_from("<" + form, self.data, at)[0]

    def _follow(self, at):
        return at + struct.unpack_from("<I", self.data, at)[0]

    def table(self, n):
        at = self._field(n)
        return None if at is None else Table(self.data, self._follow(at))

    def tables(self, n):
        at = self._field(n)
        if at is None:
            return []
        at = self._follow(at)
        count = struct.unpack_from("<I", self.data, at)[0]
        return [Table(self.data, self._follow(at + 4 + 4 * k)) for k in range(count)]

    def array(self, n, dtype):
        at = self._field(n)
        if at is None:
            return np.zeros(0, dtype)
        at = self._follow(at)
        count = struct.unpack_from("<I", self.data, at)[0]
        return np.frombuffer(self.data, dtype, count, at + 4)

    def text(self, n):
        return bytes(self.array(n, np.uint8)).decode()


ADD, CONV, DEPTHWISE, DEQUANTIZE, MAX_POOL, RELU, RESHAPE, RESIZE, PAD = 0, 3, 4, 6, 17, 19, 22, 23, 34
TYPES = {0: np.float32, 1: np.float16, 2: np.int32}
SAME = 0


def same_pads(kernel, stride):
    """[top, left, bottom, right] for even sizes: total = kernel - stride, the odd one behind."""
    total = [max(k - s, 0) for k, s in zip(kernel, stride)]
    before = [t // 2 for t in total]
    return before + [t - b for t, b in zip(total, before)]


def convert(source, target):
    data = open(source, "rb").read()
    model = Table(data, struct.unpack_from("<I", data, 0)[0])
    codes = [max(c.scalar(0, "b"), c.scalar(3, "i")) for c in model.tables(1)]
    graph = model.tables(2)[0]
    buffers = model.tables(4)
    tensors = graph.tables(0)

    names = [t.text(3) or f"t{k}" for k, t in enumerate(tensors)]
    shapes = [tuple(t.array(0, np.int32)) for t in tensors]
    constants = {}
    for k, t in enumerate(tensors):
        raw = buffers[t.scalar(2, "I")].array(0, np.uint8)
        if len(raw):
            constants[k] = np.frombuffer(bytes(raw), TYPES[t.scalar(1, "b")]).reshape(shapes[k])

    initialisers, outputs = [], {}
    nodes = [
        helper.make_node("Transpose", ["picture"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["levels", "level"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "one"], ["image"]),
    ]
    initialisers += [
        numpy_helper.from_array(np.array(1 / 127.5, np.float32), "level"),
        numpy_helper.from_array(np.array(1, np.float32), "one"),
    ]
    graph_input = int(graph.array(1, np.int32)[0])
    alias = {}

    def name(k):
        k = alias.get(k, k)
        return "image" if k == graph_input else f"x{k}"

    def constant(label, values):
        """16-bit in the file where that loses nothing."""
        half = values.astype(np.float16)
        if np.array_equal(half.astype(np.float32), values.astype(np.float32)):
            initialisers.append(numpy_helper.from_array(half, label + "_h"))
            nodes.append(helper.make_node("Cast", [label + "_h"], [label], to=TensorProto.FLOAT))
        else:
            initialisers.append(numpy_helper.from_array(values.astype(np.float32), label))
        return label

    def activated(kind, k):
        if kind == 0:
            return name(k), lambda: None
        assert kind == 1, f"fused activation {kind}"
        raw = name(k) + "_raw"
        return raw, lambda: nodes.append(helper.make_node("Relu", [raw], [name(k)]))

    for number, op in enumerate(graph.tables(3)):
        code = codes[op.scalar(0, "I")]
        ins = [int(i) for i in op.array(1, np.int32)]
        out = int(op.array(2, np.int32)[0])
        options = op.table(4)
        if code == DEQUANTIZE:
            constants[out] = constants[ins[0]].astype(np.float32)
        elif code in (CONV, DEPTHWISE):
            weights = constants[ins[1]]
            weights = weights.transpose(0, 3, 1, 2) if code == CONV else weights.transpose(3, 0, 1, 2)
            kernel = list(weights.shape[2:])
            stride = [options.scalar(2, "i"), options.scalar(1, "i")]
            pads = same_pads(kernel, stride) if options.scalar(0, "b") == SAME else [0, 0, 0, 0]
            if code == DEPTHWISE:
                assert options.scalar(3, "i") == 1
            result, finish = activated(options.scalar(3 if code == CONV else 4, "b"), out)
            inputs = [name(ins[0]), constant(f"w{number}", np.ascontiguousarray(weights))]
            if len(ins) > 2 and ins[2] >= 0:
                inputs.append(constant(f"b{number}", constants[ins[2]]))
            group = 1 if code == CONV else weights.shape[0]
            nodes.append(
                helper.make_node("Conv", inputs, [result], kernel_shape=kernel, strides=stride, pads=pads, group=group)
            )
            finish()
        elif code == ADD:
            result, finish = activated(options.scalar(0, "b"), out)
            nodes.append(helper.make_node("Add", [name(i) for i in ins], [result]))
            finish()
        elif code == RELU:
            nodes.append(helper.make_node("Relu", [name(ins[0])], [name(out)]))
        elif code == MAX_POOL:
            kernel = [options.scalar(4, "i"), options.scalar(3, "i")]
            stride = [options.scalar(2, "i"), options.scalar(1, "i")]
            pads = same_pads(kernel, stride) if options.scalar(0, "b") == SAME else [0, 0, 0, 0]
            nodes.append(
                helper.make_node("MaxPool", [name(ins[0])], [name(out)], kernel_shape=kernel, strides=stride, pads=pads)
            )
        elif code == PAD:
            pads = constants[ins[1]].astype(np.int64)[[0, 3, 1, 2]]
            label = f"p{number}"
            initialisers.append(numpy_helper.from_array(np.concatenate([pads[:, 0], pads[:, 1]]), label))
            nodes.append(helper.make_node("Pad", [name(ins[0]), label], [name(out)]))
        elif code == RESIZE:
            align = bool(options.scalar(2, "b")) if options else False
            half = bool(options.scalar(3, "b")) if options else False
            mode = "align_corners" if align else "half_pixel" if half else "asymmetric"
            factor = [shapes[out][axis] / shapes[ins[0]][axis] for axis in (1, 2)]
            label = f"s{number}"
            initialisers.append(numpy_helper.from_array(np.array([1, 1, *factor], np.float32), label))
            nodes.append(
                helper.make_node(
                    "Resize", [name(ins[0]), "", label], [name(out)], mode="linear", coordinate_transformation_mode=mode
                )
            )
        elif code == RESHAPE:
            alias[out] = alias.get(ins[0], ins[0])
        else:
            raise SystemExit(f"operator {code} is not known")
        outputs[out] = True

    results = [int(i) for i in graph.array(2, np.int32)]
    # Two maps: 16 numbers a cell (box and six points), and one score a cell.
    by_depth = {shapes[r][-1]: r for r in results}
    for depth, label in ((16, "boxes"), (1, "scores")):
        nodes.append(helper.make_node("Identity", [name(by_depth[depth])], [label]))
    picture = helper.make_tensor_value_info("picture", TensorProto.UINT8, ["n", "h", "w", 3])
    maps = [
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", 16, "h4", "w4"]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 1, "h4", "w4"]),
    ]
    onnx_graph = helper.make_graph(nodes, "face_finder", [picture], maps, initialisers)
    result = helper.make_model(onnx_graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="kanmen")
    result.ir_version = 8
    onnx.checker.check_model(result)
    onnx.save(result, target)
    print(target, "nodes", len(nodes), "outputs", [(names[r], shapes[r]) for r in results])


if __name__ == "__main__":
    convert(sys.argv[1], sys.argv[2])
