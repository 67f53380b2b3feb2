import assert from "node:assert/strict";
import { test } from "node:test";
import { bisect, clock, hit, Index, slots, ticks, View } from "../src/layout";
import type { Head, Reading } from "../src/types";
import { columns, FRAME, golden, random } from "./made";

const near = (a: number, b: number, what: string): void => assert(Math.abs(a - b) < 1e-3, `${what}: ${a} is not ${b}`);

for (const [name, of] of Object.entries(golden)) for (const by of ["time", "structure"] as Reading[]) {
  test(`${name} by ${by}: the browser puts everything where the still does`, () => {
    const view = new View(of.head, { ...FRAME, by }), want = of.at[by];
    near(view.scale, want.scale, "scale");
    assert.equal(view.seams.length, want.seams.length);
    view.seams.forEach(([at, px], i) => { near(at, want.seams[i][0], "seam"); near(px, want.seams[i][1], "seam's width"); });
    for (const [at, start, end] of want.x) { near(view.xStart(at), start, `x where ${at} starts`); near(view.xEnd(at), end, `x where ${at} ends`); }
    want.y.forEach((rows, lane) => rows.forEach((y, sub) => near(view.yMark(lane, sub), y, `lane ${lane}, row ${sub}`)));
    of.head.joints.filter((j) => j.kind === "join").forEach((joint, i) => {
      const found = slots(view, joint.sources, 200).slots;
      found.forEach((slot, k) => { assert.equal(slot.node, want.slots[i][k][0]); near(slot.y, want.slots[i][k][1], "slot"); near(slot.width, want.slots[i][k][2], "width"); });
    });
  });
}

test("zoom and pan move everything alike, and a pixel finds its moment again", () => {
  const head = golden.debate.head;
  for (const zoom of [1, 3, 40]) for (const panX of [0, 150]) {
    const view = new View(head, { ...FRAME, by: "time", zoom, panX });
    let last = -Infinity;
    for (let ms = 0; ms <= head.duration_ms; ms += head.duration_ms / 97) {
      const x = view.xStart(ms);
      assert(x >= last, "time runs to the right");
      near(view.atX(x), ms, "the moment at a pixel");
      last = x;
    }
  }
});

test("a folded lane has one row, a hidden one none", () => {
  const head = golden.nested.head, busy = head.lanes.findIndex((l) => l.rows > 1);
  const open = new View(head, { ...FRAME, by: "time" }), folded = new View(head, { ...FRAME, by: "time", folded: new Set([busy]) });
  assert.equal(folded.rows(busy), 1);
  assert(folded.bottom < open.bottom);
  assert.equal(folded.yMark(busy, 0), folded.yMark(busy, open.rows(busy) - 1));
  assert.equal(new View(head, { ...FRAME, by: "time", hidden: new Set([busy]) }).height(busy), 0);
});

test("the index finds exactly the marks that may be seen", () => {
  const next = random(1);
  const rows = Array.from({ length: 500 }, () => { const start = next() * 1000; return { lane: Math.floor(next() * 5), start_ms: start, end_ms: start + next() * 80 }; });
  const made = columns(rows), index = new Index(made, 5);
  for (let k = 0; k < 60; k++) {
    const from = next() * 1000, to = from + next() * 200;
    for (let lane = 0; lane < 5; lane++) {
      const [first, last] = index.range(lane, from, to);
      const got = new Set(Array.from(index.lanes[lane]).slice(first, last));
      rows.forEach((row, i) => { if (row.lane === lane && made.start_ms[i] <= to && made.end_ms[i] >= from) assert(got.has(i), "a mark in sight is missing"); });
    }
  }
});

test("what is under the pointer is what was drawn there", () => {
  const { head } = golden.sketch, lanes = head.lanes.map((_, lane) => ({ lane, start_ms: 100, end_ms: 400 }));
  const made = columns(lanes), index = new Index(made, head.lanes.length), view = new View(head, { ...FRAME, by: "time" });
  head.lanes.forEach((lane, n) => {
    if (lane.among.length) return;
    assert.equal(hit(view, index, view.xStart(250), view.y(n)), n);
    assert.equal(hit(view, index, view.xStart(100) - 30, view.y(n)), -1);
  });
});

test("ticks are round, apart and inside; clocks never repeat themselves", () => {
  const next = random(2);
  for (let k = 0; k < 300; k++) {
    const whole = 10 ** (next() * 8 - 1), px = (50 + next() * 3000) / whole, { at, step } = ticks(0, whole, px);
    assert(at.every((v) => v >= 0 && v <= whole * (1 + 1e-6)) && step * px >= 83.9);
    assert.equal(new Set(at.map((v) => clock(v, step))).size, at.length);
  }
});

test("bisect agrees with counting", () => {
  const values = [1, 2, 2, 3, 7];
  for (const at of [0, 1, 2, 2.5, 7, 9]) {
    assert.equal(bisect(values, at, false), values.filter((v) => v < at).length);
    assert.equal(bisect(values, at, true), values.filter((v) => v <= at).length);
  }
});

test("a trace of nothing has a view", () => {
  const empty = { ...golden.sketch.head, lanes: [], nodes: [], joints: [], seams: [], duration_ms: 0, steps: 0 } as Head;
  const view = new View(empty, { ...FRAME, by: "time" });
  assert(Number.isFinite(view.scale) && Number.isFinite(view.xEnd(0)) && view.bottom === FRAME.top);
});
