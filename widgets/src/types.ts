/** What Python sends: one trace as plain numbers, and the words that go with it. */

export interface Lane { label: string; model: string; style: string; depth: number; inner: number; nodes: number[]; among: number[]; rows: number }

export interface Node {
  row: number; lane: number; kind: "thread" | "synthesis";
  start_ms: number; end_ms: number; start_step: number; end_step: number;
  group: number; answer: string | null; score: number | null; round: number;
  error: boolean; cancelled: boolean; critical: boolean; label: string;
}

export interface Joint { kind: "fork" | "join" | "nest"; sources: number[]; targets: number[]; inferred: boolean }
export interface Round { label: string; start_ms: number; end_ms: number; start_step: number; end_step: number }
export interface Group { answer: string; votes: number; share: number; chosen: boolean }

export interface Palette { ground: string; ink: string; soft: string; line: string; none: string; error: string; answers: string[] }

export interface Head {
  trace_id: string;
  duration_ms: number;
  steps: number;
  groups: Group[];
  lanes: Lane[];
  nodes: Node[];
  joints: Joint[];
  seams: [number, number][];
  retries: [number, number][];
  words: string[];
  rounds: Round[];
  models: string[];
  text: { title: string; subtitle: string; answer: string; notes: [string, number | null][]; description: string };
  palettes: { light: Palette; dark: Palette };
  columns: string[];
  live?: Live | null;
}

/** What only a run under way has: the end of each lane's text, and how far the run is. */
export interface Live {
  now_ms: number;
  tails: [number, string][];
  done: number; total: number;
  spent: string; left: string;
  state: "running" | "stopping" | "ended";
  can_stop: boolean;
  hint: string;
}

/** A span's own story, fetched when it is selected. */
export interface Detail { title: string; facts: [string, string][]; texts: [string, string][]; decisions: [string, string][] }

export const CHAT = 0, TOOL = 1, OTHER = 2;
export const ERROR = 1, CANCELLED = 2, REUSED = 4, RETRIED = 8;
export const NONE = -1, PART = -2;
export type Reading = "time" | "structure";

export type Column = "row" | "lane" | "sub" | "kind" | "start_ms" | "begin_ms" | "first_ms" | "end_ms" | "step" | "group" | "flags" | "critical" | "word";
export type Columns = Record<Column, Float32Array> & { size: number };

/** The marks from their packed form: the columns one after the other, float32 little-endian. */
export function unpack(names: string[], data: DataView | null): Columns {
  const bytes = data ? data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) : new ArrayBuffer(0);
  const size = names.length ? bytes.byteLength / 4 / names.length : 0;
  const out: Record<string, Float32Array | number> = { size };
  names.forEach((name, i) => (out[name] = new Float32Array(bytes, i * size * 4, size)));
  return out as unknown as Columns;
}
