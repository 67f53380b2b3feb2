"""A CSV of configurations in, a CSV of predictions out: one row each, answered or refused with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import DataError, UsageError
from workbench.planner.estimate import Request, estimates

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("gpu", "n_gpus", "model", "precision", "engine", "isl", "osl", "concurrency")
OUTPUTS = ("ttft_ms", "tpot_ms", "e2e_ms", "throughput_tok_s", "memory_gib")
_UNBOUNDED = {"", "max", "inf", "nan", "none", "offline", "unlimited"}


def predict_batch(configs: Path) -> pd.DataFrame:
    """Read configurations and return them with every output, its `_low` and `_high` (80 %), and `refused`.

    Columns `gpu, n_gpus, model, precision, engine, isl, osl, concurrency` and, optionally, `tp, dp, ep`. An empty or
    `max` concurrency is a queue that never empties: then the rate is the saturated one. Raises `DataError` for missing columns.
    """
    import pandas as pd

    try:
        table = pd.read_csv(configs, dtype=str, keep_default_na=False)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{configs}: not a readable CSV: {error}") from error
    table = table.rename(columns={"concurrency_or_batch": "concurrency"} if "concurrency" not in table else {})
    missing = [name for name in NEEDED if name not in table]
    if missing:
        raise DataError(f"{configs}: columns missing: {', '.join(missing)}; needed: {', '.join(NEEDED)}")
    answers = predict_rows(table.to_dict("records"))
    added = pd.DataFrame(answers, index=table.index)
    return pd.concat([table, added], axis=1)


def predict_rows(rows: Sequence[Mapping[Any, Any]]) -> list[dict[str, float | str]]:
    """The outputs of every row, in order."""
    requests: list[Request | UsageError] = []
    for row in rows:
        try:
            requests.append(_request(row))
        except UsageError as error:
            requests.append(error)
    answered = iter(estimates([r for r in requests if isinstance(r, Request)]))
    blank: dict[str, float | str] = {f"{o}{end}": float("nan") for o in OUTPUTS for end in ("", "_low", "_high")}
    out = []
    for request in requests:
        answer = next(answered) if isinstance(request, Request) else request
        if isinstance(answer, UsageError):
            out.append({**blank, "refused": str(answer)})
        else:
            out.append({**blank, **answer.values, "refused": ""})
    return out


def _request(row: Mapping[Any, Any]) -> Request:
    return Request(
        str(row["gpu"]), _whole(row, "n_gpus", 1), str(row["model"]), str(row["precision"]).strip(), str(row["engine"]),
        _number(row, "isl"), _number(row, "osl"), _clients(row),
        _whole(row, "tp", 0), _whole(row, "dp", 0), _whole(row, "ep", 0),
    )  # fmt: skip


def _clients(row: Mapping[Any, Any]) -> float:
    return float("inf") if str(row["concurrency"]).strip().lower() in _UNBOUNDED else _number(row, "concurrency")


def _number(row: Mapping[Any, Any], name: str) -> float:
    try:
        return float(row[name])
    except ValueError:
        raise UsageError(f"{name} must be a number, not {row[name]!r}") from None


def _whole(row: Mapping[Any, Any], name: str, default: int) -> int:
    text = str(row.get(name, "")).strip()
    if text.lower() in ("", "nan", "none"):
        return default
    try:
        value = float(text)
    except ValueError:
        raise UsageError(f"{name} must be a whole number, not {text!r}") from None
    if value != int(value):
        raise UsageError(f"{name} must be a whole number, not {text!r}")
    return int(value)
