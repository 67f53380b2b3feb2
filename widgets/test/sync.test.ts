import assert from "node:assert/strict";
import { test } from "node:test";
import { Sync, type Model } from "../src/sync";
import type { Columns, Detail, Head } from "../src/types";
import { golden } from "./made";

/** A kernel of two fields: what it holds, what it was told. */
class Fake implements Model {
  readonly sent: unknown[] = [];
  readonly heard = new Map<string, ((...args: never[]) => void)[]>();
  constructor(readonly state: Record<string, unknown>) {}
  get(name: string): unknown { return this.state[name]; }
  set(): void { throw new Error("of traitlets set during an awaited cell only the first arrives"); }
  save_changes(): void { throw new Error("the same"); }
  on(event: string, act: (...args: never[]) => void): void { this.heard.set(event, [...(this.heard.get(event) ?? []), act]); }
  off(event: string, act?: (...args: never[]) => void): void { this.heard.set(event, (this.heard.get(event) ?? []).filter((a) => a !== act)); }
  send(content: unknown): void { this.sent.push(content); }
  tell(event: string, ...args: unknown[]): void { for (const act of this.heard.get(event) ?? []) act(...(args as never[])); }
}

const head: Head = { ...golden.sketch.head, columns: ["row", "lane"] };
const marks = (values: number[]): DataView => new DataView(Float32Array.from([9, ...values]).buffer, 4);  // buffers of a comm begin anywhere

function opened(state: Record<string, unknown>): { fake: Fake; sync: Sync; frames: [Head, Columns][]; details: [number, Detail][]; selected: number[][] } {
  const fake = new Fake(state), frames: [Head, Columns][] = [], details: [number, Detail][] = [], selected: number[][] = [];
  const sync = new Sync(fake, { frame: (h, c) => frames.push([h, c]), detail: (r, d) => details.push([r, d]), selected: (r) => selected.push(r) });
  return { fake, sync, frames, details, selected };
}

test("a frame is drawn from what the model holds, its marks from their packed columns", () => {
  const { sync, frames, selected } = opened({ head, marks: marks([5, 6, 7, 8]), selected_rows: [6] });
  sync.frame();
  assert.equal(frames[0][1].size, 2);
  assert.deepEqual(Array.from(frames[0][1].lane), [7, 8]);
  assert.deepEqual(selected, [[6]]);
});

test("frames of a run under way come as messages with their buffer", () => {
  const { fake, frames } = opened({ head: {}, marks: null });
  fake.tell("msg:custom", { type: "frame", head }, [marks([1, 2])]);
  assert.deepEqual(Array.from(frames[0][1].row), [1]);
});

test("what the user does goes by message, never by a traitlet", () => {
  const { fake, sync } = opened({ head });
  sync.select([3]);
  sync.ask(4);
  sync.stop();
  assert.deepEqual(fake.sent, [{ type: "select", rows: [3] }, { type: "detail", row: 4 }, { type: "stop" }]);
});

test("a selection made in Python arrives, a story too; nonsense does not", () => {
  const { fake, details, selected, frames } = opened({ head, selected_rows: [] });
  fake.state.selected_rows = [2];
  fake.tell("change:selected_rows");
  assert.deepEqual(selected, [[2]]);
  const story: Detail = { title: "t", facts: [], texts: [], decisions: [] };
  fake.tell("msg:custom", { type: "detail", row: 1, detail: story }, []);
  fake.tell("msg:custom", { type: "detail" }, []);
  fake.tell("msg:custom", { type: "frame" }, []);
  assert.deepEqual(details, [[1, story]]);
  assert.equal(frames.length, 0);
});

test("a closed view hears nothing", () => {
  const { fake, sync, frames } = opened({ head, marks: marks([]) });
  sync.close();
  fake.tell("change:head");
  fake.tell("msg:custom", { type: "frame", head }, []);
  assert.equal(frames.length, 0);
  assert([...fake.heard.values()].every((acts) => !acts.length));
});
