/** Which marks a search means: every word must be found in the agent, its model, style or answer, the tool, or what became of it. */

import type { Index } from "./layout";
import { CANCELLED, CHAT, ERROR, RETRIED, REUSED, TOOL, type Head } from "./types";

const STATES: [string, number][] = [["failed", ERROR], ["error", ERROR], ["cancelled", CANCELLED], ["reused", REUSED], ["retried", RETRIED]];

/** 1 for each mark that was found; null where nothing is searched for. */
export function search(head: Head, index: Index, words: string): Uint8Array | null {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (!wanted.length) return null;
  const { columns } = index, found = new Uint8Array(columns.size).fill(1);
  const names = head.words.map((n) => n.toLowerCase());
  const lanes = head.lanes.map((l) => [l.label, l.model, l.style].join("\n").toLowerCase());
  const answers = head.groups.map((g) => g.answer.toLowerCase());
  for (const word of wanted) {
    const name = names.map((n) => n.includes(word)), lane = lanes.map((l) => l.includes(word)), answer = answers.map((a) => a.includes(word));
    const flag = STATES.filter(([n]) => n.startsWith(word) && word.length > 2).reduce((f, [, bit]) => f | bit, 0);
    const kind = word === "tool" || word === "tools" ? TOOL : word === "call" || word === "calls" ? CHAT : -1;
    for (let i = 0; i < columns.size; i++) {
      if (!(name[columns.word[i]] || lane[columns.lane[i]] || answer[columns.group[i]] || columns.flags[i] & flag || columns.kind[i] === kind)) found[i] = 0;
    }
  }
  return found;
}
