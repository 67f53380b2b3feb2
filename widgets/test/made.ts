/** Traces for tests: heads and marks as Python made them (tests/golden/view.json), and small ones made here. */

import { readFileSync } from "node:fs";
import { type Column, type Columns, type Head } from "../src/types";

export interface Golden { head: Head; at: Record<"time" | "structure", { seams: [number, number][]; scale: number; x: [number, number, number][]; y: number[][]; slots: [number, number, number][][] }> }

export const golden = JSON.parse(readFileSync(`${process.env.GOLDEN}/view.json`, "utf8")) as Record<string, Golden>;
export const FRAME = { left: 100, right: 800, top: 70, zoom: 1, panX: 0, panY: 0, hidden: new Set<number>() };

const NAMES: Column[] = ["row", "lane", "sub", "kind", "start_ms", "begin_ms", "first_ms", "end_ms", "step", "group", "flags", "critical", "word"];

/** Columns from rows that say only what matters. */
export function columns(rows: Partial<Record<Column, number>>[]): Columns {
  const out: Record<string, unknown> = { size: rows.length };
  for (const name of NAMES) out[name] = Float32Array.from(rows, (row, i) => row[name] ?? (name === "row" ? i : name === "begin_ms" ? (row.start_ms ?? 0) : 0));
  return out as unknown as Columns;
}

/** A generator of the same numbers in [0, 1) every time (mulberry32). */
export function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
