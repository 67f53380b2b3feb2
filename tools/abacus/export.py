"""A checkpoint as an ONNX graph with fp16 weights: one graph for prompts and for single steps, caches kept by the caller."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from tools.abacus.model import SHAPES, Shape, Transformer, rotary
from workbench.models.abacus.formats import CONTEXT
from workbench.models.abacus.session import BEFORE
from workbench.models.abacus.tokens import SIZE

OPSET = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]


class Graph:
    """Nodes and weights as they are added; weights are kept in fp16 and cast once when the session loads."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, op: str, inputs: list[str], outputs: list[str], domain: str = "", **attributes: object) -> str:
        """One node; returns its first output."""
        self.nodes.append(helper.make_node(op, inputs, outputs, domain=domain, **attributes))
        return outputs[0]

    def weight(self, name: str, value: npt.NDArray[np.float32]) -> str:
        """An fp16 weight, seen by the graph as fp32."""
        self.weights.append(numpy_helper.from_array(value.astype(np.float16), f"{name}.half"))
        return self.add("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT)

    def constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        """A value kept as it is."""
        self.weights.append(numpy_helper.from_array(value, name))
        return name


def export(model: Transformer, path: Path, name: str) -> None:
    """Write the graph: ids [rows, BEFORE + tokens], lengths and total, one key and value cache per layer -> logits, caches.

    The first `BEFORE` ids are the tokens before those that are read (`PAD` where there is none).
    `lengths` [rows] is the position of each row's last token, `last` [rows] its index in this call; logits are of it only.
    """
    shape = model.shape
    state = {k: v.detach().float().numpy() for k, v in model.state_dict().items()}
    g = Graph()
    embed = g.weight("embed", state["embed.weight"])
    angles = zip(("cos", "sin"), rotary(shape.head, CONTEXT), strict=True)
    cos, sin = (g.constant(n, t.numpy().astype(np.float32)) for n, t in angles)
    x = g.add("Gather", [embed, _shifted(g, 0)], ["x"])
    for back in range(1, BEFORE + 1):
        table = g.weight(f"before{back}", state[f"before.{back - 1}.weight"])
        x = g.add("Add", [x, g.add("Gather", [table, _shifted(g, back)], [f"x{back}.of"])], [f"x{back}"])
    for i in range(shape.layers):
        x = _block(g, state, shape, i, x, cos, sin)
    final = g.weight("norm", state["norm.weight"])
    # the last token of every row, before the wide product
    row = g.add("Unsqueeze", ["last", g.constant("axis1", np.array([1], np.int64))], ["row"])
    picked = g.add("GatherND", [x, row], ["picked"], batch_dims=1)
    normed = g.add("SimplifiedLayerNormalization", [picked, final], ["normed"], axis=-1, epsilon=1e-5)
    turned = g.add("Transpose", [embed], ["embed.T"], perm=[1, 0])
    g.add("MatMul", [normed, turned], ["logits"])
    graph = helper.make_graph(g.nodes, name, _inputs(shape), _outputs(shape), g.weights)
    made = helper.make_model(graph, opset_imports=OPSET, ir_version=9, producer_name="tools/train_abacus.py")
    made.metadata_props.add(key="abacus", value=f"{shape.width} {shape.layers} {shape.heads}")
    path.write_bytes(made.SerializeToString())


def _shifted(g: Graph, back: int) -> str:
    """The ids that stand `back` before those that are read."""
    ends = (BEFORE - back, -back or 2**31 - 1, 1)
    bounds = [
        g.constant(f"{n}{back}", np.array([v], np.int64)) for n, v in zip(("from", "to", "along"), ends, strict=True)
    ]
    return g.add("Slice", ["ids", *bounds], [f"ids{back}"])


def _block(
    g: Graph, state: dict[str, npt.NDArray[np.float32]], shape: Shape, i: int, x: str, cos: str, sin: str
) -> str:
    def weight(name: str) -> str:
        value = state[f"blocks.{i}.{name}.weight"]
        return g.weight(f"{i}.{name}", value.T if value.ndim == 2 else value)

    def norm(name: str, of: str) -> str:
        return g.add("SimplifiedLayerNormalization", [of, weight(name)], [f"{i}.{name}.out"], axis=-1, epsilon=1e-5)

    qkv = g.add("MatMul", [norm("norm1", x), weight("qkv")], [f"{i}.qkv.out"])
    caches = [f"key{i}", f"value{i}"]
    mixed = g.add(
        "GroupQueryAttention",
        [qkv, "", "", *caches, "lengths", "total", cos, sin],
        [f"{i}.mixed", f"new_key{i}", f"new_value{i}"],
        domain="com.microsoft", num_heads=shape.heads, kv_num_heads=shape.heads, do_rotary=1,
    )  # fmt: skip
    x = g.add("Add", [x, g.add("MatMul", [mixed, weight("out")], [f"{i}.out.out"])], [f"{i}.x"])
    up = g.add("Relu", [g.add("MatMul", [norm("norm2", x), weight("up")], [f"{i}.up.out"])], [f"{i}.relu"])
    down = g.add("MatMul", [g.add("Mul", [up, up], [f"{i}.square"]), weight("down")], [f"{i}.down.out"])
    return g.add("Add", [x, down], [f"{i}.y"])


def _cache(shape: Shape, name: str) -> list[onnx.ValueInfoProto]:
    dims = ["rows", shape.heads, "room", shape.head]
    return [
        helper.make_tensor_value_info(f"{name}{kind}{i}", TensorProto.FLOAT, dims)
        for i in range(shape.layers)
        for kind in ("key", "value")
    ]


def _inputs(shape: Shape) -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info("ids", TensorProto.INT64, ["rows", "read"]),
        helper.make_tensor_value_info("lengths", TensorProto.INT32, ["rows"]),
        helper.make_tensor_value_info("total", TensorProto.INT32, [1]),
        helper.make_tensor_value_info("last", TensorProto.INT64, ["rows"]),
        *_cache(shape, ""),
    ]


def _outputs(shape: Shape) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", SIZE]), *_cache(shape, "new_")]


def load(checkpoint: Path, shape: Shape) -> tuple[Transformer, dict[str, int]]:
    """The model of a checkpoint and what is known of its training."""
    kept = torch.load(checkpoint, weights_only=True)
    model = Transformer(shape)
    model.load_state_dict(kept["model"])
    return model, {k: kept[k] for k in ("step", "steps", "seed")}


def export_all(checkpoints: Path, target: Path) -> None:
    """Both models' graphs, and provenance.json with what is known of their training."""
    known = {}
    for name, shape in SHAPES.items():
        model, kept = load(checkpoints / f"{name}.pt", shape)
        export(model, target / f"{name}.onnx", name)
        parameters = sum(p.numel() for p in model.parameters())
        known[name] = {
            **kept,
            "parameters": parameters,
            "width": shape.width,
            "layers": shape.layers,
            "heads": shape.heads,
        }
    (target / "provenance.json").write_text(json.dumps(known, indent=1) + "\n")
