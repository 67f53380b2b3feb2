import assert from "node:assert/strict";
import { test } from "node:test";
import { clean } from "../src/dom";
import { Index } from "../src/layout";
import { search } from "../src/search";
import { ERROR, TOOL } from "../src/types";
import { columns, golden } from "./made";

const head = golden.sketch.head;
const index = new Index(columns([
  { lane: 0, group: 0, word: head.words.indexOf("abacus-s") }, { lane: 1, group: 0, kind: TOOL, word: head.words.indexOf("calculator") }, { lane: 3, group: 1, flags: ERROR },
]), head.lanes.length);
const found = (words: string): number[] | null => { const made = search(head, index, words); return made && Array.from(made); };

test("a search finds agents, answers, tools and what became of a call", () => {
  assert.equal(found("  "), null);
  assert.deepEqual(found("calculator"), [0, 1, 0]);
  assert.deepEqual(found("tool"), [0, 1, 0]);
  assert.deepEqual(found("FAILED"), [0, 0, 1]);
  assert.deepEqual(found(head.lanes[1].label), [0, 1, 0]);
  assert.deepEqual(found(head.groups[1].answer), [0, 0, 1]);
  assert.deepEqual(found("calculator failed"), [0, 0, 0]);
});

test("text loses what could disturb its surroundings, and nothing else", () => {
  assert.equal(clean("a\u001b[31mred\u001b[0m\u202e562\u2066\u0000\u200f"), "ared562");
  assert.equal(clean("naïve 日本語 ∑ 🙂\n\ttwo"), "naïve 日本語 ∑ 🙂\n\ttwo");
});
