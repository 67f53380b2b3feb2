// What a mark stands for, in one line: for the pointer and for a screen reader.
import type { Columns, Head } from "./types";

const took = (ms: number): string => (ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${Math.round(ms)} ms`);

export function describe(head: Head, c: Columns, mark: number): string {
  const waited = c.begin_ms[mark] - c.start_ms[mark], flags = c.flags[mark];
  return [
    head.lanes[c.lane[mark]]?.label, head.words[c.word[mark]], took(c.end_ms[mark] - c.begin_ms[mark]), waited > 0.5 ? `waited ${took(waited)}` : "",
    flags & 1 ? "failed" : "", flags & 2 ? "cancelled" : "", flags & 4 ? "reused" : "",
  ].filter(Boolean).join(" · ");
}
