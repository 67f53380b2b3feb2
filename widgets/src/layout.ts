/** Pure view math: from milliseconds, steps and lanes to pixels. workbench/widgets/view.py does the same for the still. */

import { NONE, type Columns, type Head, type Node, type Reading } from "./types";

const LANE_PX: [number, number][] = [[6, 46], [10, 38], [16, 30], [30, 22], [60, 15], [120, 9]];
const MAX_LANES_PX = 1100, LEAST_LANE_PX = 5, SEAM_PX = 104, MAX_SEAMS_SHARE = 0.45;

export interface Frame { left: number; right: number; top: number; zoom: number; panX: number; panY: number; by: Reading; hidden: ReadonlySet<number>; folded?: ReadonlySet<number> }

/** The last index whose value is below (or, with `or_equal`, not above) `at`, plus one. */
export function bisect(values: ArrayLike<number>, at: number, orEqual: boolean, from = 0, to = values.length): number {
  while (from < to) {
    const mid = (from + to) >> 1;
    if (values[mid] < at || (orEqual && values[mid] === at)) from = mid + 1;
    else to = mid;
  }
  return from;
}

export class View {
  readonly seams: [number, number][];
  readonly scale: number;
  readonly base: number;
  readonly bar: number;
  readonly pitch: number;
  readonly bottom: number;
  private readonly at: Float64Array;
  private readonly opened: Float64Array;
  private readonly spots: Float64Array;
  private readonly heights: Float64Array;

  constructor(readonly head: Head, readonly frame: Frame) {
    const marks = frame.by === "time" ? head.seams : stepSeams(head);
    const room = frame.right - frame.left;
    const total = marks.reduce((sum, [, w]) => sum + w * SEAM_PX, 0);
    const fit = total ? Math.min(1, (room * MAX_SEAMS_SHARE) / total) : 1;
    this.seams = marks.map(([at, w]) => [at, w * SEAM_PX * fit]);
    const whole = (frame.by === "time" ? head.duration_ms : head.steps) || 1;
    this.scale = (Math.max(1, room - total * fit) / whole) * frame.zoom;
    this.at = Float64Array.from(this.seams, (s) => s[0]);
    this.opened = new Float64Array(this.seams.length + 1);
    this.seams.forEach(([, px], i) => (this.opened[i + 1] = this.opened[i] + px));

    const rows = head.lanes.reduce((n, lane, i) => n + (lane.among.length || frame.hidden.has(i) ? 0 : this.rows(i)), 0);
    this.base = LANE_PX.find(([most]) => rows <= most)?.[1] ?? Math.max(LEAST_LANE_PX, MAX_LANES_PX / Math.max(1, rows));
    this.bar = this.base > 8 ? Math.min(16, this.base * 0.5) : this.base * 0.8;
    this.pitch = this.bar + Math.min(4, this.bar * 0.25);
    this.spots = new Float64Array(head.lanes.length);
    this.heights = new Float64Array(head.lanes.length);
    let y = frame.top;
    head.lanes.forEach((lane, n) => {
      if (lane.among.length) return;
      const height = frame.hidden.has(n) ? 0 : this.base + (this.rows(n) - 1) * this.pitch;
      this.spots[n] = y + height / 2;
      this.heights[n] = height;
      y += height;
    });
    this.bottom = y;
    for (let round = 0; round < 3; round++) {
      head.lanes.forEach((lane, n) => {
        if (!lane.among.length) return;
        const ys = lane.among.map((m) => this.spots[m]);
        this.spots[n] = (Math.min(...ys) + Math.max(...ys)) / 2;
        this.heights[n] = this.base;
      });
    }
  }

  xEnd(at: number): number { return this.frame.left - this.frame.panX + at * this.scale + this.opened[bisect(this.at, at, false)]; }
  xStart(at: number): number { return this.frame.left - this.frame.panX + at * this.scale + this.opened[bisect(this.at, at, true)]; }

  /** The moment or step at a pixel; within a seam the seam's own. */
  atX(x: number): number {
    const px = x - this.frame.left + this.frame.panX;
    for (let i = this.seams.length - 1; i >= 0; i--) {
      const start = this.at[i] * this.scale + this.opened[i];
      if (px >= start) return px < start + this.seams[i][1] ? this.at[i] : (px - this.opened[i + 1]) / this.scale;
    }
    return px / this.scale;
  }

  /** Left and right edge of the seam at `at`; of no width where there is none. */
  seam(at: number): [number, number] {
    const i = bisect(this.at, at, true) - 1;
    if (i < 0 || this.at[i] !== at) return [this.xStart(at), this.xStart(at)];
    const x = this.xEnd(this.at[i]);
    return [x, x + this.seams[i][1]];
  }

  get width(): number { const whole = this.frame.by === "time" ? this.head.duration_ms : this.head.steps; return whole * this.scale + this.opened[this.opened.length - 1]; }
  y(lane: number): number { return this.yMark(lane, 0); }
  yMark(lane: number, sub: number): number {
    const rows = this.rows(lane);
    return this.spots[lane] - this.frame.panY + (Math.min(sub, rows - 1) - (rows - 1) / 2) * (this.heights[lane] ? this.pitch : 0);
  }
  /** Sub-rows of a lane; a folded one has its concurrent calls on a single row. */
  rows(lane: number): number { return this.frame.folded?.has(lane) ? 1 : this.head.lanes[lane].rows; }
  middle(lane: number): number { return this.spots[lane] - this.frame.panY; }
  height(lane: number): number { return this.heights[lane]; }
  start(node: Node): number { return this.frame.by === "time" ? node.start_ms : node.start_step; }
  end(node: Node): number { return this.frame.by === "time" ? node.end_ms : node.end_step; }
  span(node: Node): [number, number] { const x = this.xStart(this.start(node)); return [x, Math.max(x, this.xEnd(this.end(node)))]; }
}

function stepSeams(head: Head): [number, number][] {
  const found = new Map<number, number>();
  for (const joint of head.joints) {
    if (joint.kind === "nest" || !joint.sources.length) continue;
    const ends = Math.max(...joint.sources.map((n) => head.nodes[n].end_step));
    const at = joint.targets.length ? Math.min(...joint.targets.map((t) => head.nodes[t].start_step)) : ends;
    const weight = joint.kind === "join" ? 1 : joint.sources.length > 1 ? 0.6 : 0.4;
    found.set(at, Math.max(weight, found.get(at) ?? 0));
  }
  return [...found].sort((a, b) => a[0] - b[0]);
}

export interface Slot { node: number; y: number; width: number }

/** Where threads meet a synthesis: those with one answer together, groups in the order of their lanes. */
export function slots(view: View, sources: number[], middle: number): { slots: Slot[]; top: number; bottom: number } {
  const nodes = view.head.nodes;
  const height = Math.max(Math.min(14 * sources.length, 132, 0.62 * Math.max(46, view.bottom - view.frame.top)), 16);
  const groups = new Map<number, number[]>();
  for (const n of sources) groups.set(nodes[n].group, [...(groups.get(nodes[n].group) ?? []), n]);
  const mean = (members: number[]) => members.reduce((s, n) => s + view.y(nodes[n].lane), 0) / members.length;
  const order = [...groups.values()].map((m) => [mean(m), m] as const).sort((a, b) => a[0] - b[0])
    .flatMap(([, m]) => [...m].sort((a, b) => view.y(nodes[a].lane) - view.y(nodes[b].lane)));
  const silent = sources.every((n) => nodes[n].group === NONE);
  const weight = (n: number) => (nodes[n].group === NONE && sources.length > 1 && !silent ? 0.3 : 1);
  const unit = height / order.reduce((s, n) => s + weight(n), 0);
  let y = middle - height / 2;
  const out = order.map((node) => { const width = weight(node) * unit; y += width; return { node, y: y - width / 2, width }; });
  return { slots: out, top: middle - height / 2, bottom: middle + height / 2 };
}

/** Round moments between two, at least about 84 px apart. */
export function ticks(from: number, to: number, pxPerMs: number): { at: number[]; step: number } {
  const least = 84 / pxPerMs;
  const unit = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((m) => m * unit).find((s) => s >= least) ?? unit * 10;
  const at: number[] = [];
  for (let i = Math.max(0, Math.ceil(from / step - 1e-9)); i * step <= to + 1e-9 && at.length < 500; i++) at.push(i * step);
  return { at, step };
}

const round = (v: number): string => String(Number(v.toPrecision(6)));
export function clock(ms: number, step: number): string {
  if (step >= 60_000) return `${round(ms / 60_000)} min`;
  return step >= 100 || ms === 0 ? `${round(ms / 1000)} s` : `${round(ms)} ms`;
}

/** Marks by lane, in order of start, so that a frame touches only what it shows. */
export class Index {
  readonly lanes: Int32Array[];
  private readonly ends: Float32Array[];
  constructor(readonly columns: Columns, lanes: number) {
    const count = new Int32Array(lanes + 1);
    for (let i = 0; i < columns.size; i++) if (columns.lane[i] >= 0) count[columns.lane[i]]++;
    this.lanes = Array.from({ length: lanes }, (_, n) => new Int32Array(count[n]));
    const fill = new Int32Array(lanes);
    for (let i = 0; i < columns.size; i++) { const n = columns.lane[i]; if (n >= 0) this.lanes[n][fill[n]++] = i; }
    for (const marks of this.lanes) {
      let sorted = true;
      for (let k = 1; k < marks.length && sorted; k++) sorted = columns.start_ms[marks[k - 1]] <= columns.start_ms[marks[k]];
      if (!sorted) marks.sort((a, b) => columns.start_ms[a] - columns.start_ms[b]);
    }
    this.ends = this.lanes.map((marks) => { let most = -Infinity; return Float32Array.from(marks, (i) => (most = Math.max(most, columns.end_ms[i]))); });
  }

  /** The range [first, last) of a lane's marks that may be seen between two moments. */
  range(lane: number, from: number, to: number): [number, number] {
    const marks = this.lanes[lane], start = this.columns.start_ms;
    let low = 0, high = marks.length;
    while (low < high) { const mid = (low + high) >> 1; if (start[marks[mid]] <= to) low = mid + 1; else high = mid; }
    return [bisect(this.ends[lane], from, false), low];
  }
}

/** The mark at a pixel, or -1. */
export function hit(view: View, index: Index, x: number, y: number): number {
  const { columns } = index, time = view.frame.by === "time", slack = Math.max(2, view.bar / 2 + 2);
  let best = -1, nearest = 5;
  for (let lane = 0; lane < view.head.lanes.length; lane++) {
    const rows = view.rows(lane);
    if (!view.height(lane) || y < view.yMark(lane, 0) - slack || y > view.yMark(lane, rows - 1) + slack) continue;
    const at = view.atX(x), reach = 5 / view.scale;
    const [first, last] = time ? index.range(lane, at - reach, at + reach) : [0, index.lanes[lane].length];
    for (let k = first; k < last; k++) {
      const i = index.lanes[lane][k];
      if (Math.abs(view.yMark(lane, columns.sub[i]) - y) > slack) continue;
      const [a, b] = extent(view, columns, i);
      const gap = x < a ? a - x : x > b ? x - b : 0;
      if (gap < nearest) { nearest = gap; best = i; if (!gap) break; }
    }
  }
  return best;
}

/** Left and right edge of a mark, its wait included. */
export function extent(view: View, columns: Columns, i: number): [number, number] {
  if (view.frame.by === "structure") return [view.xStart(columns.step[i] + 0.06), view.xEnd(columns.step[i] + 0.94)];
  const a = view.xStart(columns.start_ms[i]);
  return [a, Math.max(a + 1, view.xEnd(columns.end_ms[i]))];
}
