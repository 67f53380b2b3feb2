"""The store: one folder per Run, append-only while open, sealed to Parquet when closed; where the two halves meet."""

from workbench.store.run import Run, RunWriter, Spans, SpanSet, as_runs, is_run, open_runs

__all__ = ["Run", "RunWriter", "SpanSet", "Spans", "as_runs", "is_run", "open_runs"]
