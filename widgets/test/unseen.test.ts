import assert from "node:assert/strict";
import { test } from "node:test";
import type { Head } from "../src/types";
import { unseen } from "../src/unseen";

// two threads; a tool within the first, an agent within that tool; the last lane is where the threads come together
const lane = (inner: number, among: number[] = []): unknown => ({ inner, among });
const head = { lanes: [lane(-1), lane(0), lane(1), lane(-1), lane(-1, [0, 3])] } as unknown as Head;
const gone = (folded: number[], found: number[] | null, on: number[] = []): number[] =>
  [...unseen(head, new Set(folded), found && Uint8Array.from(found), on)].sort();

test("a folded lane hides all within it, and nothing else", () => {
  assert.deepEqual(gone([], null), []);
  assert.deepEqual(gone([0], null), [1, 2]);
  assert.deepEqual(gone([1], null), [2]);
});

test("a search leaves the lanes of what it found, those around them, and where threads meet", () => {
  assert.deepEqual(gone([], [0, 1], [0, 2]), [3]);
  assert.deepEqual(gone([], [1, 0], [3, 2]), [0, 1, 2]);
  assert.deepEqual(gone([], [0, 0], [0, 2]), [0, 1, 2, 3]);
});
