"""Phoenix's own client: accuracy by strategy over all attempts, and one trace's spans; args: address limit. Prints JSON."""

import json
import statistics
import sys
import time

from phoenix.client import Client
from phoenix.client.types.spans import SpanQuery

address, limit = sys.argv[1], int(sys.argv[2])
client = Client(base_url=address)
FIELDS = ("workbench.strategy", "workbench.agents", "workbench.score")
ROOTS = SpanQuery().where("parent_id is None").select("trace_id", *FIELDS)


def accuracy():
    roots = client.spans.get_spans_dataframe(query=ROOTS, limit=limit, timeout=600)
    *by, score = (next(c for c in roots if c.endswith(field)) for field in FIELDS)
    return roots, roots.groupby(by)[score].mean()


def ms(ask, times):
    took = []
    for i in range(times):
        begin = time.perf_counter()
        ask(i)
        took.append(time.perf_counter() - begin)
    return statistics.median(took) * 1e3


roots, groups = accuracy()
traces = roots["context.trace_id" if "context.trace_id" in roots else "trace_id"].tolist()
assert len(groups) == 4 and groups.notna().all(), groups


def one(i):
    found = client.spans.get_spans(project_identifier="default", trace_ids=[traces[i * 7]], limit=100)
    assert len(found) == 10, len(found)


print(json.dumps({"attempts": len(roots), "accuracy_ms": ms(lambda i: accuracy(), 3), "trace_ms": ms(one, 9)}))
