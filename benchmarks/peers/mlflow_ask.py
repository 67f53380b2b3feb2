"""MLflow's own client: accuracy by strategy over all attempts, and one trace's spans; args: address limit. Prints JSON."""

import json
import statistics
import sys
import time
from collections import defaultdict

import mlflow

address, limit = sys.argv[1], int(sys.argv[2])
mlflow.set_tracking_uri(address)
client = mlflow.MlflowClient()


def accuracy():
    """What is asked is on the root spans, so the traces come with their spans."""
    traces = mlflow.search_traces(locations=["0"], return_type="list", include_spans=True, max_results=limit)
    scores = defaultdict(list)
    for trace in traces:
        (root,) = (span for span in trace.data.spans if span.parent_id is None)
        key = root.attributes["workbench.strategy"], root.attributes["workbench.agents"]
        scores[key].append(root.attributes["workbench.score"])
    return traces, {key: statistics.fmean(found) for key, found in scores.items()}


def ms(ask, times):
    took = []
    for i in range(times):
        begin = time.perf_counter()
        ask(i)
        took.append(time.perf_counter() - begin)
    return statistics.median(took) * 1e3


begin = time.perf_counter()
traces, groups = accuracy()
took_ms = (time.perf_counter() - begin) * 1e3
assert len(groups) == 4, groups
ids = [trace.info.trace_id for trace in traces]


def one(i):
    assert len(client.get_trace(ids[i * 7]).data.spans) == 10


print(json.dumps({"attempts": len(ids), "accuracy_ms": took_ms, "trace_ms": ms(one, 9)}))
