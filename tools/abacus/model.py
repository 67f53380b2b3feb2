"""The transformer itself, for training (torch): RMSNorm, rotary positions, squared-ReLU, tied embedding, no biases; each token
is read together with the two before it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.models.abacus.session import BEFORE
from workbench.models.abacus.tokens import PAD, SIZE


@dataclass(frozen=True)
class Shape:
    """Width, layers and heads of one model."""

    width: int
    layers: int
    heads: int

    @property
    def head(self) -> int:
        return self.width // self.heads


SHAPES = {"abacus-s": Shape(64, 4, 2), "abacus-m": Shape(128, 6, 4)}
THETA = 10_000.0


def rotary(head: int, length: int) -> tuple[Tensor, Tensor]:
    """cos and sin [length, head / 2] of the rotary positions (RoFormer, arXiv 2104.09864, half-split)."""
    angles = torch.arange(length)[:, None] * THETA ** (-torch.arange(0, head, 2) / head)
    return angles.cos(), angles.sin()


class Norm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        scale = (x.float().pow(2).mean(-1, keepdim=True) + 1e-5).rsqrt()
        return (x.float() * scale * self.weight).to(x.dtype)


class Block(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.norm1, self.norm2 = Norm(shape.width), Norm(shape.width)
        self.qkv = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.out = nn.Linear(shape.width, shape.width, bias=False)
        self.up = nn.Linear(shape.width, 4 * shape.width, bias=False)
        self.down = nn.Linear(4 * shape.width, shape.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, hidden: Tensor) -> Tensor:
        rows, length, width = x.shape
        heads = self.qkv(self.norm1(x)).view(rows, length, 3, self.shape.heads, self.shape.head)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        # written out: torch's fused attention is several times slower in its backward pass on a CPU
        scores = turn(q, cos, sin) @ turn(k, cos, sin).transpose(-1, -2) * self.shape.head**-0.5
        scores = scores.masked_fill(hidden, -1e9)
        mixed = (scores.softmax(-1).to(v.dtype) @ v).transpose(1, 2).reshape(rows, length, width)
        x = x + self.out(mixed)
        return x + self.down(F.relu(self.up(self.norm2(x))).square())


def turn(z: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate queries or keys [.., length, head] by their positions."""
    a, b = z.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def earlier(ids: Tensor, parts: Tensor, back: int) -> Tensor:
    """For each token the one `back` before it in its sample, `PAD` where there is none; all [rows, length]."""
    shifted = F.pad(ids, (back, 0), value=PAD)[:, : ids.shape[1]]
    same = F.pad(parts, (back, 0), value=-1)[:, : ids.shape[1]] == parts
    return torch.where(same, shifted, PAD)


class Transformer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embed = nn.Embedding(SIZE, shape.width)
        # one head can find where the same three tokens stood and copy what came next; without these tables abacus-s never learned
        # to copy a number, however often it was shown (docs/decisions/abacus_training.md)
        self.before = nn.ModuleList(nn.Embedding(SIZE, shape.width) for _ in range(BEFORE))
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.width)
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=0.02 if p is self.embed.weight else p.shape[1] ** -0.5 * 0.7)
        for table in self.before:
            nn.init.zeros_(table.weight)  # type: ignore[arg-type]
        for block in self.blocks:
            nn.init.zeros_(block.out.weight)  # type: ignore[union-attr,arg-type]
            nn.init.zeros_(block.down.weight)  # type: ignore[union-attr,arg-type]

    def forward(self, ids: Tensor, parts: Tensor) -> Tensor:
        """Logits [rows, length, SIZE] of ids [rows, length]; a token sees those before it in its sample (`parts`, same shape)."""
        x = self.embed(ids)
        for back, table in enumerate(self.before, 1):
            x = x + table(earlier(ids, parts, back))
        x = x.to(torch.bfloat16 if torch.is_autocast_enabled("cpu") else torch.float32)
        length = ids.shape[1]
        cos, sin = (t.to(x.dtype) for t in rotary(self.shape.head, length))
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        hidden = (later | (parts[:, None, :] != parts[:, :, None]))[:, None]
        for block in self.blocks:
            x = block(x, cos, sin, hidden)
        return self.norm(x) @ self.embed.weight.to(x.dtype).T

    def loss(self, ids: Tensor, learn: Tensor, parts: Tensor) -> Tensor:
        """Mean cross-entropy of the tokens marked in `learn`, given those before in their sample; all [rows, length + 1]."""
        logits = self(ids[:, :-1], parts[:, :-1]).float().flatten(0, 1)
        each = F.cross_entropy(logits, ids[:, 1:].flatten(), reduction="none")
        weight = learn[:, 1:].flatten()
        return (each * weight).sum() / weight.sum()
