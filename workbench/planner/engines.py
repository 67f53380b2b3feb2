"""Serving engines: their spellings, and the version that a table's engine column names."""

from __future__ import annotations

import re

from workbench.errors import unknown
from workbench.planner.names import plain

ENGINES = ("vllm", "sglang", "trtllm")
_WHOLE = re.compile(r"\b(cuda|rocm)\b", re.IGNORECASE)
_SPELLED = {
    "vllm": "vllm", "sglang": "sglang", "trtllm": "trtllm", "tensorrtllm": "trtllm", "tensorrt": "trtllm",
    "trt": "trtllm", "any": "any", "": "any",
}  # fmt: skip


def engine(text: str) -> tuple[str, str]:
    """Split an engine column into (engine, version): `trtllm 1.2.0rc2`, `TensorRT-LLM 0.14`, `vLLM`; empty means any."""
    text = str(text).strip()
    match = re.match(r"^([A-Za-z][A-Za-z_\-]*)[\s=:@]*v?(.*)$", text)
    word, rest = (match.group(1), match.group(2).strip()) if match else (text, "")
    name = _SPELLED.get(plain(word.rstrip("-")))
    if name is None:  # such as `ROCm 6.4.2, vLLM 0.9`
        found = (known for spelled, known in _SPELLED.items() if spelled and spelled in plain(text))
        name, rest = next(found, None), text
    if name is None:
        raise unknown("engine", text, [*ENGINES, "any"])
    return name, "" if rest.lower() in ("nan", "none") else rest


def whole_system(text: str) -> bool:
    """Whether an engine column describes a whole machine (a CUDA or ROCm version in it), as MLPerf's tables do."""
    return bool(_WHOLE.search(str(text)))
