"""The SQL views over spans (traces, answers, threads, calls, decisions) as DuckDB text over the span schema."""

from __future__ import annotations

from workbench import semconv as s

CALLS = "('chat', 'text_completion', 'generate_content')"

TOTALS = f"""
with totals as (
  select run, trace_id, min(start_ns) as start_ns, max(end_ns) as end_ns, count(*) as spans,
    count(*) filter (operation in {CALLS}) as calls,
    count(*) filter (operation = '{s.TOOL}') as tools,
    coalesce(nullif(count(distinct thread) filter (operation = '{s.THREAD}'), 0),
             count(*) filter (operation = '{s.THREAD}' and parent_id is not null)) as threads,
    count(*) filter (status = 'ERROR') as errors,
    coalesce(sum(input_tokens) filter (operation in {CALLS}), 0)::bigint as input_tokens,
    coalesce(sum(output_tokens) filter (operation in {CALLS}), 0)::bigint as output_tokens,
    coalesce(sum(reasoning_tokens) filter (operation in {CALLS}), 0)::bigint as reasoning_tokens,
    sum(cost_usd) filter (operation in {CALLS}) as cost_usd,
    coalesce(sum(queue_ns) filter (operation in {CALLS}), 0) / 1e9 as queue_s,
    max(synthesis) filter (operation = '{s.SYNTHESIS}') as merged_by,
    arg_max(answer, start_ns) filter (operation = '{s.SYNTHESIS}') as merged,
    arg_max(score, start_ns) filter (operation = '{s.SYNTHESIS}') as merged_score,
    arg_max(support, start_ns) filter (operation = '{s.SYNTHESIS}') as merged_support,
    arg_max(confidence, start_ns) filter (operation = '{s.SYNTHESIS}') as merged_confidence
  from {{spans}} group by run, trace_id),
roots as (
  select * from {{spans}} where parent_id is null
  qualify row_number() over (partition by run, trace_id order by start_ns) = 1)
select t.run, t.trace_id, r.name, r.span_id is not null as finished, r.task_id, coalesce(r.repeat, 0) as repeat, r.category,
  r.difficulty, r.strategy, r.agents, coalesce(r.synthesis, merged_by) as synthesis, coalesce(r.answer, merged) as answer,
  r.target, coalesce(r.score, merged_score) as score, coalesce(r.support, merged_support) as support,
  coalesce(r.confidence, merged_confidence) as confidence, t.threads, t.calls, t.tools, t.spans, t.errors,
  t.input_tokens, t.output_tokens, t.reasoning_tokens, t.cost_usd,
  (coalesce(r.end_ns, t.end_ns) - coalesce(r.start_ns, t.start_ns)) / 1e9 as wall_s, t.queue_s,
  case when r.status = 'ERROR' then coalesce(r.error_type, r.status_message, 'ERROR') end as error,
  coalesce(r.start_ns, t.start_ns) as start_ns, t.end_ns
from totals t left join roots r using (run, trace_id)
"""
"""One row per trace; sealed Runs keep it beside their spans, so that questions about answers read little."""

ANSWERS = """
select run, trace_id, task_id, repeat, category, difficulty, strategy, agents, synthesis, answer, target, score, support,
  confidence, threads, calls, input_tokens, output_tokens, reasoning_tokens, cost_usd, wall_s,
  critical_path_s, queue_s, error
from traces where finished
"""

_OWNERS = f"""
with recursive up as (
  select run, trace_id, span_id, parent_id as at, 0 as depth from {{spans}}
  where operation in {CALLS} and parent_id is not null
  union all
  select u.run, u.trace_id, u.span_id, p.parent_id, u.depth + 1
  from up u join {{spans}} p on p.run = u.run and p.trace_id = u.trace_id and p.span_id = u.at
  where p.operation is distinct from '{s.THREAD}' and p.operation is distinct from '{s.SYNTHESIS}'
    and p.parent_id is not null and u.depth < 50)
select u.run, u.trace_id, u.span_id, o.span_id as owner, o.operation, o.thread, o.agent, o.role, o.style, o.round
from up u join {{spans}} o on o.run = u.run and o.trace_id = u.trace_id and o.span_id = u.at
where o.operation in ('{s.THREAD}', '{s.SYNTHESIS}')
"""

_CHAINS = f"""
with recursive roots as (
  select run, trace_id, span_id from {{spans}} where parent_id is null
  qualify row_number() over (partition by run, trace_id order by start_ns) = 1),
edges as materialized (
  select f.run, f.trace_id, f.span_id, p.trace_id as before_trace, p.span_id as before,
    (p.start_ns, p.end_ns, p.span_id) < (f.start_ns, f.end_ns, f.span_id) as forward
  from (select *, unnest(from_json(links, '["JSON"]')) as link from {{spans}} where links is not null) f
  join {{spans}} p on p.run = f.run and p.trace_id = f.link->>0 and p.span_id = f.link->>1),
linked as (
  select run, trace_id, span_id from edges union select run, before_trace, before from edges),
waits as materialized (
  select o.run, o.trace_id, o.owner as span_id, sum(c.queue_ns) as queue_ns
  from {{owners}} o join {{spans}} c using (run, trace_id, span_id) where c.operation = '{s.CHAT}' group by all),
nodes as materialized (
  select n.run, n.trace_id, n.span_id, greatest(greatest(n.end_ns - n.start_ns, 0) - coalesce(w.queue_ns, 0), 0)::double as own
  from {{spans}} n left join waits w using (run, trace_id, span_id)
  where (n.operation in ('{s.THREAD}', '{s.SYNTHESIS}') or (n.run, n.trace_id, n.span_id) in (from linked))
    and (n.run, n.trace_id, n.span_id) not in (from roots)),
steps as materialized (
  select e.run, e.before_trace, e.before, n.trace_id, n.span_id, n.own
  from edges e join nodes n on n.run = e.run and n.trace_id = e.trace_id and n.span_id = e.span_id where e.forward),
longest(run, trace_id, span_id, chain) as (
  select run, trace_id, span_id, own from nodes
  union all
  select t.run, t.trace_id, t.span_id, max(l.chain + t.own)
  from longest l join steps t on t.run = l.run and t.before_trace = l.trace_id and t.before = l.span_id group by all)
select run, trace_id, max(chain) / 1e9 as chain_s from longest group by all
"""
"""The longest chain of threads and syntheses through the links, as `frames.critical`.

Each round keeps one row per span: the longest chain of exactly that many links (keeping paths would grow exponentially).
"""


def totals(spans: str) -> str:
    """One row per trace of the relation `spans`, with its critical path in seconds."""
    chains = _CHAINS.format(spans=spans, owners=f"({_OWNERS.format(spans=spans)})")
    return f"""select t.*, coalesce(c.chain_s, greatest(t.wall_s - t.queue_s, 0)) as critical_path_s
from ({TOTALS.format(spans=spans)}) t left join ({chains}) c using (run, trace_id)"""


_CALLS = f"""
select c.run, c.trace_id, c.span_id, c.parent_id, coalesce(c.task_id, t.task_id) as task_id,
  coalesce(c.repeat, t.repeat, 0) as repeat, coalesce(c.thread, o.thread) as thread, coalesce(c.agent, o.agent) as agent,
  coalesce(c.request_model, c.response_model) as model, coalesce(c.role, o.role) as role, coalesce(c.style, o.style) as style,
  coalesce(c.round, o.round) as round, c.start_ns, c.end_ns, greatest(c.end_ns - c.start_ns, 0) / 1e9 as seconds,
  coalesce(c.queue_ns, 0) / 1e9 as queue_s, c.first_token_ns / 1e9 as first_token_s, coalesce(c.input_tokens, 0) as input_tokens,
  coalesce(c.output_tokens, 0) as output_tokens, coalesce(c.reasoning_tokens, 0) as reasoning_tokens, c.cost_usd, c.logprob,
  c.temperature, c.seed, coalesce(c.attempts, 1) as attempts, c.finish_reason, coalesce(c.reused, false) as reused,
  coalesce(c.cancelled, false) as cancelled,
  case when c.status = 'ERROR' or c.error_type is not null then coalesce(c.error_type, c.status_message, 'ERROR') end as error,
  o.owner
from spans c left join owners o using (run, trace_id, span_id) left join traces t using (run, trace_id)
where c.operation in {CALLS} and not (
  not t.finished and c.call_key is not null and not coalesce(c.reused, false)
  and exists (select 1 from spans r where r.run = c.run and r.reused and r.call_key = c.call_key))
"""

_THREADS = f"""
with sums as (
  select run, trace_id, owner, first(model) as model, sum(input_tokens)::bigint as input_tokens,
    sum(output_tokens)::bigint as output_tokens, sum(reasoning_tokens)::bigint as reasoning_tokens, sum(cost_usd) as cost_usd,
    sum(logprob * greatest(output_tokens, 1)) / sum(greatest(output_tokens, 1)) filter (logprob is not null) as logprob
  from calls group by all)
select h.run, h.trace_id, h.span_id, coalesce(h.task_id, t.task_id) as task_id, coalesce(h.repeat, t.repeat, 0) as repeat,
  h.thread, h.agent, coalesce(h.request_model, m.model) as model, h.role, h.style, h.round, h.answer, h.score, h.start_ns,
  h.end_ns, greatest(h.end_ns - h.start_ns, 0) / 1e9 as seconds, coalesce(m.input_tokens, 0) as input_tokens,
  coalesce(m.output_tokens, 0) as output_tokens, coalesce(m.reasoning_tokens, 0) as reasoning_tokens, m.cost_usd,
  coalesce(h.logprob, m.logprob) as logprob, coalesce(h.cancelled, false) as cancelled,
  case when h.status = 'ERROR' or h.error_type is not null then coalesce(h.error_type, h.status_message, 'ERROR') end as error
from spans h left join traces t using (run, trace_id)
left join sums m on m.run = h.run and m.trace_id = h.trace_id and m.owner = h.span_id
where h.operation = '{s.THREAD}' and (t.finished or not h.run in (select run from closed_runs))
"""

_DECISIONS = f"""
select e.run, e.trace_id, e.span_id, t.task_id, (e.event->>1)::bigint as time_ns,
  e.event->2->>'$."{s.DECISION_KIND}"' as kind, e.event->2->>'$."{s.DECISION_REASON}"' as reason, e.event->2 as attributes
from (select run, trace_id, span_id, unnest(from_json(events, '["JSON"]')) as event from spans where events is not null) e
left join traces t using (run, trace_id)
where e.event->>0 = '{s.DECISION}'
"""

VIEWS = {
    "owners": _OWNERS.format(spans="spans"),
    "answers": ANSWERS,
    "calls": _CALLS,
    "threads": _THREADS,
    "decisions": _DECISIONS,
}
"""View → its text, over `spans`, `traces` and `closed_runs`; in the order in which they build on one another."""
