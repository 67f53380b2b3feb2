/** Canvas: everything that is drawn many times; touches only what the frame shows, and less where a mark is under a pixel. */

import { extent, slots, ticks, type Index, type View } from "./layout";
import { CANCELLED, CHAT, ERROR, NONE, PART, REUSED, TOOL, type Palette } from "./types";

const BAR = 12;
type Ctx = CanvasRenderingContext2D;
export interface Look { colours: Palette; plain: boolean; critical: boolean; selected: number; hover: number; dim: ReadonlySet<number> | null; now: number | null }

export const colourOf = (look: Look, group: number): string =>
  look.plain || group === PART ? look.colours.answers[0] : group === NONE ? look.colours.none : (look.colours.answers[group] ?? look.colours.soft);

export function paint(ctx: Ctx, view: View, index: Index, look: Look, width: number, height: number): void {
  ctx.clearRect(0, 0, width, height);
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, view.frame.top - 2, width, Math.max(0, height - view.frame.top + 2));
  ctx.clip();
  axis(ctx, view, look, width, height);
  forks(ctx, view, look);
  lanes(ctx, view, look, width, height);
  ribbons(ctx, view, look);
  marks(ctx, view, index, look, width, height);
  if (look.critical) critical(ctx, view, look);
  for (const i of [look.hover, look.selected]) if (i >= 0 && i < index.columns.size) outline(ctx, view, index, look, i, i === look.selected);
  ctx.restore();
}

function axis(ctx: Ctx, view: View, look: Look, width: number, height: number): void {
  if (view.frame.by === "structure") return;
  const { at } = ticks(view.atX(view.frame.left), Math.min(view.atX(width), view.head.duration_ms), view.scale);
  stroke(ctx, look.colours.line, 1, 1, []);
  ctx.beginPath();
  const bottom = Math.min(height - 24, view.bottom - view.frame.panY + 4);
  for (const ms of at) { const x = Math.round(view.xEnd(ms)) + 0.5; if (x > view.frame.left - 1) { ctx.moveTo(x, view.frame.top); ctx.lineTo(x, bottom); } }
  ctx.stroke();
}

function stroke(ctx: Ctx, colour: string, width: number, opacity: number, dash: number[]): void {
  ctx.strokeStyle = colour; ctx.lineWidth = width; ctx.globalAlpha = opacity; ctx.setLineDash(dash); ctx.lineCap = "butt";
}

function curve(ctx: Ctx, x1: number, y1: number, x2: number, y2: number): void {
  const mid = (x1 + x2) / 2;
  ctx.moveTo(x1, y1);
  ctx.bezierCurveTo(mid, y1, mid, y2, x2, y2);
}

function line(ctx: Ctx, x1: number, y: number, x2: number): void { if (x2 - x1 > 1) { ctx.moveTo(x1, y); ctx.lineTo(x2, y); } }

function dot(ctx: Ctx, x: number, y: number, r: number, colour: string): void {
  ctx.globalAlpha = 1; ctx.fillStyle = colour; ctx.beginPath(); ctx.arc(x, y, r, 0, 7); ctx.fill();
}

function forks(ctx: Ctx, view: View, look: Look): void {
  const { nodes } = view.head, soft = look.colours.soft;
  for (const joint of view.head.joints) {
    if (joint.kind === "join" || !joint.targets.length) continue;
    stroke(ctx, soft, 1.2, 0.5, joint.inferred ? [2, 3] : []);
    ctx.beginPath();
    const shown = joint.targets.filter((t) => view.height(nodes[t].lane));
    if (joint.kind === "nest") {
      for (const t of shown) { const [x] = view.span(nodes[t]); curve(ctx, x - 14, view.y(nodes[joint.sources[0]].lane), x, view.y(nodes[t].lane)); }
      ctx.stroke();
      continue;
    }
    const ends = joint.sources.map((n): [number, number] => [view.span(nodes[n])[1], view.y(nodes[n].lane)]);
    const starts = shown.map((t): [number, number] => [view.span(nodes[t])[0], view.y(nodes[t].lane)]);
    if (!joint.sources.length) {
      const ys = starts.map((s) => s[1]);
      const x = view.xStart(0) - 44, y = (Math.min(...ys) + Math.max(...ys)) / 2;
      for (const [x2, y2] of starts) { curve(ctx, x, y, x + 42, y2); line(ctx, x + 42, y2, x2); }
      ctx.stroke();
      if (starts.length) dot(ctx, x, y, 5, look.colours.ink);
      continue;
    }
    const [a, b] = view.seam(Math.min(...joint.targets.map((t) => view.start(nodes[t]))));
    if (joint.sources.length > 1 && joint.targets.length > 1) {
      const ys = [...ends, ...starts].map((p) => p[1]);
      const x = (a + b) / 2, y = (Math.min(...ys) + Math.max(...ys)) / 2;
      for (const [x1, y1] of ends) { line(ctx, x1, y1, a); curve(ctx, Math.max(a, x1), y1, x, y); }
      for (const [x2, y2] of starts) { curve(ctx, x, y, Math.max(x, b), y2); line(ctx, b, y2, x2); }
      ctx.stroke();
      dot(ctx, x, y, 3.5, soft);
      continue;
    }
    for (const [x1, y1] of ends) for (const [x2, y2] of starts) {
      const from = Math.max(x1, Math.min(a, x2)), to = Math.max(x1, b > x1 ? Math.min(b, x2) : x2);
      line(ctx, x1, y1, from); curve(ctx, from, y1, to, y2); line(ctx, to, y2, x2);
    }
    ctx.stroke();
  }
}

function lanes(ctx: Ctx, view: View, look: Look, width: number, height: number): void {
  for (const node of view.head.nodes) {
    if (node.kind === "synthesis" || !view.height(node.lane)) continue;
    const [x1, x2] = view.span(node), y = view.y(node.lane);
    if (x2 < 0 || x1 > width || y < 0 || y > height) continue;
    stroke(ctx, colourOf(look, node.group), Math.min(2, view.bar / 3), 0.4, []);
    ctx.beginPath(); ctx.moveTo(x1, y); ctx.lineTo(x2, y); ctx.stroke();
  }
}

function ribbons(ctx: Ctx, view: View, look: Look): void {
  const { nodes, joints } = view.head;
  const merged = nodes.some((n) => n.kind === "synthesis");
  for (const joint of joints) {
    if (joint.kind !== "join") continue;
    if (!joint.targets.length && (merged || (look.plain && joint.sources.length === 1))) continue;
    for (const t of joint.targets.length ? joint.targets : [-1]) {
      const at = t >= 0 ? view.start(nodes[t]) : Math.max(...joint.sources.map((n) => view.end(nodes[n])));
      const ys = joint.sources.map((n) => view.y(nodes[n].lane));
      converge(ctx, view, look, joint.sources, view.seam(at), t >= 0 ? view.y(nodes[t].lane) : (Math.min(...ys) + Math.max(...ys)) / 2);
    }
  }
}

function converge(ctx: Ctx, view: View, look: Look, sources: number[], [a, b]: [number, number], middle: number): void {
  const { nodes } = view.head;
  const found = slots(view, sources, middle);
  const x2 = Math.max(b - BAR, a), thin = Math.min(3, view.bar / 2);
  for (const { node: n, y: y2, width } of found.slots) {
    const node = nodes[n], colour = colourOf(look, node.group), x = view.span(node)[1], y1 = view.y(node.lane);
    const lost = node.error || node.cancelled, x1 = Math.max(x, a), mid = (x1 + x2) / 2;
    stroke(ctx, colour, thin, 0.3, lost ? [2, 4] : []);
    ctx.beginPath(); line(ctx, x, y1, a); ctx.stroke();
    ctx.beginPath();
    if (lost || (node.group === NONE && !look.plain)) { stroke(ctx, colour, 1.2, 0.45, [2, 4]); curve(ctx, x1, y1, x2, y2); ctx.stroke(); continue; }
    const w = Math.max(0.8, width - (width > 6 ? 1 : 0)) / 2;
    ctx.globalAlpha = 0.26; ctx.fillStyle = colour;
    ctx.moveTo(x1, y1 - thin / 2); ctx.bezierCurveTo(mid, y1 - thin / 2, mid, y2 - w, x2, y2 - w);
    ctx.lineTo(x2, y2 + w); ctx.bezierCurveTo(mid, y2 + w, mid, y1 + thin / 2, x1, y1 + thin / 2); ctx.fill();
  }
  ctx.globalAlpha = 1;
  const shares = new Map<number, [number, number]>();
  for (const s of found.slots) { const g = nodes[s.node].group, was = shares.get(g); shares.set(g, [Math.min(was?.[0] ?? 1e9, s.y - s.width / 2), Math.max(was?.[1] ?? -1e9, s.y + s.width / 2)]); }
  for (const [g, [top, bottom]] of shares) {
    const t = top <= found.top + 0.01 ? top : top + 0.75, u = bottom >= found.bottom - 0.01 ? bottom : bottom - 0.75;
    ctx.fillStyle = colourOf(look, g); ctx.beginPath(); ctx.roundRect(x2, t, BAR, Math.max(1, u - t), 3); ctx.fill();
  }
}

function marks(ctx: Ctx, view: View, index: Index, look: Look, width: number, height: number): void {
  const { columns } = index, time = view.frame.by === "time", h = view.bar;
  const from = view.atX(0) - 1, to = view.atX(width) + 1;
  ctx.setLineDash([]);
  for (let lane = 0; lane < index.lanes.length; lane++) {
    const list = index.lanes[lane];
    const rows = view.head.lanes[lane].rows;
    if (!list.length || !view.height(lane) || view.yMark(lane, rows - 1) + h < 0 || view.yMark(lane, 0) - h > height) continue;
    let [first, last] = time ? index.range(lane, from, to) : [0, list.length];
    const edge = new Float64Array(rows).fill(-1e9), begun = new Float64Array(rows), colour = new Int16Array(rows).fill(-9);
    const flush = (sub: number): void => {
      if (edge[sub] > -1e8) { ctx.globalAlpha = 1; ctx.fillStyle = colourOf(look, colour[sub]); ctx.fillRect(begun[sub], view.yMark(lane, sub) - h / 2, Math.max(0.6, edge[sub] - begun[sub]), h); edge[sub] = -1e9; }
    };
    for (let k = first; k < last; k++) {
      const i = list[k], sub = columns.sub[i], group = columns.group[i];
      const x1 = time ? view.xStart(columns.begin_ms[i]) : view.xStart(columns.step[i] + 0.06);
      const x2 = time ? view.xEnd(columns.end_ms[i]) : view.xEnd(columns.step[i] + 0.94);
      if (x2 < -2 || x1 > width + 2) continue;
      if (x2 - x1 < 2.5 && !(columns.flags[i] & ERROR)) {  // level of detail: neighbours under a few pixels run together
        if (x1 - edge[sub] > 1 || colour[sub] !== group) { flush(sub); begun[sub] = x1; colour[sub] = group; }
        edge[sub] = Math.max(edge[sub], x2);
        continue;
      }
      flush(sub);
      if (time) queue(ctx, view.xStart(columns.start_ms[i]), x1, view.yMark(lane, sub), look);
      const dim = look.dim !== null && !look.dim.has(i);
      shape(ctx, columns.kind[i], columns.flags[i], x1, Math.max(1.2, x2 - x1), view.yMark(lane, sub), h, colourOf(look, group), look.colours, dim);
    }
    for (let sub = 0; sub < rows; sub++) flush(sub);
  }
  if (time) retries(ctx, view, index, look, width);
}

function queue(ctx: Ctx, x0: number, x1: number, y: number, look: Look): void {
  if (x1 - x0 <= 3) return;
  ctx.globalAlpha = 1;
  ctx.fillStyle = look.colours.ground;
  ctx.fillRect(x0 + 1, y - 2, x1 - x0 - 2, 4);
  ctx.strokeStyle = look.colours.soft; ctx.lineWidth = 2; ctx.lineCap = "round"; ctx.setLineDash([0.01, 4.5]);
  ctx.beginPath(); ctx.moveTo(x0 + 2, y); ctx.lineTo(x1 - 3, y); ctx.stroke();
  ctx.setLineDash([]); ctx.lineCap = "butt";
}

function shape(ctx: Ctx, kind: number, flags: number, x: number, w: number, y: number, h: number, colour: string, colours: Palette, dim: boolean): void {
  ctx.globalAlpha = dim ? 0.15 : 1;
  ctx.beginPath();
  if (flags & (ERROR | CANCELLED)) {
    ctx.roundRect(x, y - h / 2, w, h, Math.min(h / 2, w / 2));
    ctx.fillStyle = colours.ground; ctx.fill();
    ctx.strokeStyle = flags & ERROR ? colours.error : colours.none; ctx.lineWidth = 1.4; ctx.setLineDash(flags & ERROR ? [3, 2.6] : [1.5, 2.5]); ctx.stroke(); ctx.setLineDash([]);
  } else if (kind === TOOL) {
    ctx.roundRect(x + 0.7, y - h * 0.36, Math.max(0.6, w - 1.4), h * 0.72, Math.min(h * 0.2, w / 2));
    ctx.fillStyle = colours.ground; ctx.fill(); ctx.strokeStyle = colour; ctx.lineWidth = 1.4; ctx.stroke();
  } else if (kind === CHAT) {
    if (flags & REUSED) ctx.globalAlpha *= 0.55;
    ctx.fillStyle = colour;
    if (w < 5) { ctx.fillRect(x, y - h / 2, w, h); return; }
    ctx.roundRect(x, y - h / 2, w, h, Math.min(h / 2, w / 2)); ctx.fill();
  } else {
    ctx.globalAlpha *= 0.6; ctx.fillStyle = colour;
    ctx.roundRect(x, y - h * 0.3, w, h * 0.6, Math.min(h * 0.2, w / 2)); ctx.fill();
  }
}

function retries(ctx: Ctx, view: View, index: Index, look: Look, width: number): void {
  ctx.globalAlpha = 1; ctx.strokeStyle = look.colours.ground; ctx.lineWidth = 2; ctx.setLineDash([]);
  ctx.beginPath();
  for (const [i, ms] of view.head.retries) {
    const lane = index.columns.lane[i], x = view.xStart(ms);
    if (lane < 0 || x < 0 || x > width) continue;
    const y = view.yMark(lane, index.columns.sub[i]);
    ctx.moveTo(x, y - view.bar / 2 + 1); ctx.lineTo(x, y + view.bar / 2 - 1);
  }
  ctx.stroke();
}

function critical(ctx: Ctx, view: View, look: Look): void {
  stroke(ctx, look.colours.ink, 1.5, 1, []);
  ctx.beginPath();
  for (const node of view.head.nodes) {
    if (!node.critical || !view.height(node.lane)) continue;
    const [x1, x2] = view.span(node), y = view.y(node.lane) + view.bar / 2 + 4;
    ctx.moveTo(x1, y); ctx.lineTo(Math.max(x2, x1 + 2), y);
  }
  ctx.stroke();
}

function outline(ctx: Ctx, view: View, index: Index, look: Look, i: number, strong: boolean): void {
  const lane = index.columns.lane[i];
  if (lane < 0 || !view.height(lane)) return;
  const [x1, x2] = extent(view, index.columns, i), y = view.yMark(lane, index.columns.sub[i]), h = view.bar + 6;
  ctx.globalAlpha = strong ? 1 : 0.55; ctx.strokeStyle = look.colours.ink; ctx.lineWidth = strong ? 2 : 1.5; ctx.setLineDash([]);
  ctx.beginPath(); ctx.roundRect(x1 - 3, y - h / 2, x2 - x1 + 6, h, Math.min(h / 2, (x2 - x1 + 6) / 2)); ctx.stroke();
}
