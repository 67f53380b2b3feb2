/** What forks and converges: lines from the start, knots where all read all, ribbons into the synthesis. */

import { slots, type View } from "./layout";
import { colourOf, curve, dot, line, stroke, type Ctx, type Look } from "./look";
import { NONE, type Joint } from "./types";

const BAR = 12;
const MOST = 240;  // curves of one joint that can be told apart; of more every k-th is drawn, k times as wide

type Point = [number, number];
const some = <T>(all: T[]): T[] => { const every = Math.ceil(all.length / MOST); return every > 1 ? all.filter((_, i) => i % every === 0) : all; };

export function forks(ctx: Ctx, view: View, look: Look, width: number, height: number): void {
  const { nodes } = view.head, soft = look.colours.soft;
  for (const joint of view.head.joints) {
    if (joint.kind === "join" || !joint.targets.length) continue;
    stroke(ctx, soft, 1.2, 0.5, joint.inferred ? [2, 3] : []);
    const shown = joint.targets.filter((t) => view.height(nodes[t].lane));
    const starts = some(shown).map((t): Point => [view.span(nodes[t])[0], view.y(nodes[t].lane)]);
    if (joint.kind === "nest") {
      const y1 = view.y(nodes[joint.sources[0]].lane);
      ctx.beginPath();
      for (const [x, y] of starts) if (x > -20 && x < width + 20 && Math.max(y, y1) > 0 && Math.min(y, y1) < height) curve(ctx, x - 14, y1, x, y);
      ctx.stroke();
    } else if (joint.sources.length) between(ctx, view, joint, starts, soft, width);
    else start(ctx, view, starts, shown.map((t) => view.y(nodes[t].lane)), look, height);
  }
}

function start(ctx: Ctx, view: View, starts: Point[], ys: number[], look: Look, height: number): void {
  if (!ys.length) return;
  const x = view.xStart(0) - 44;
  let low = Infinity, high = -Infinity;
  for (const y of ys) { if (y < low) low = y; if (y > high) high = y; }
  const y = (low + high) / 2;
  ctx.beginPath();
  for (const [x2, y2] of starts) if (Math.max(y, y2) > 0 && Math.min(y, y2) < height) { curve(ctx, x, y, x + 42, y2); line(ctx, x + 42, y2, x2); }
  ctx.stroke();
  dot(ctx, x, y, 5, look.colours.ink);
}

function between(ctx: Ctx, view: View, joint: Joint, starts: Point[], soft: string, width: number): void {
  const { nodes } = view.head;
  const ends = some(joint.sources).map((n): Point => [view.span(nodes[n])[1], view.y(nodes[n].lane)]);
  if (Math.max(...starts.map((p) => p[0])) < -20 || Math.min(...ends.map((p) => p[0])) > width + 20) return;
  const [a, b] = view.seam(Math.min(...joint.targets.map((t) => view.start(nodes[t]))));
  ctx.beginPath();
  if (joint.sources.length > 1 && joint.targets.length > 1) {
    const ys = [...ends, ...starts].map((p) => p[1]);
    const x = (a + b) / 2, y = (Math.min(...ys) + Math.max(...ys)) / 2;
    for (const [x1, y1] of ends) { line(ctx, x1, y1, a); curve(ctx, Math.max(a, x1), y1, x, y); }
    for (const [x2, y2] of starts) { curve(ctx, x, y, Math.max(x, b), y2); line(ctx, b, y2, x2); }
    ctx.stroke();
    dot(ctx, x, y, 3.5, soft);
    return;
  }
  for (const [x1, y1] of ends) for (const [x2, y2] of starts) {
    const from = Math.max(x1, Math.min(a, x2)), to = Math.max(x1, b > x1 ? Math.min(b, x2) : x2);
    line(ctx, x1, y1, from); curve(ctx, from, y1, to, y2); line(ctx, to, y2, x2);
  }
  ctx.stroke();
}

export function ribbons(ctx: Ctx, view: View, look: Look, width: number, height: number): void {
  const { nodes, joints } = view.head;
  const merged = nodes.some((n) => n.kind === "synthesis");
  for (const joint of joints) {
    if (joint.kind !== "join") continue;
    if (!joint.targets.length && (merged || (look.plain && joint.sources.length === 1))) continue;
    for (const t of joint.targets.length ? joint.targets : [-1]) {
      let ends = -Infinity, first = Infinity, low = Infinity, high = -Infinity;
      for (const n of joint.sources) {
        const y = view.y(nodes[n].lane), end = view.end(nodes[n]);
        if (end > ends) ends = end;
        if (end < first) first = end;
        if (y < low) low = y;
        if (y > high) high = y;
      }
      const seam = view.seam(t >= 0 ? view.start(nodes[t]) : ends);
      if (seam[1] < 0 || view.xEnd(first) > width) continue;
      converge(ctx, view, look, joint.sources, seam, t >= 0 ? view.y(nodes[t].lane) : (low + high) / 2, height);
    }
  }
}

function converge(ctx: Ctx, view: View, look: Look, sources: number[], [a, b]: Point, middle: number, height: number): void {
  const { nodes } = view.head;
  const found = slots(view, sources, middle), every = Math.ceil(found.slots.length / MOST);
  const x2 = Math.max(b - BAR, a), thin = Math.min(3, view.bar / 2);
  for (const { node: n, y: y2, width: one } of some(found.slots)) {
    const node = nodes[n], y1 = view.y(node.lane), width = one * every;
    if (Math.max(y1, y2 + width) < 0 || Math.min(y1, y2 - width) > height) continue;
    const colour = colourOf(look, node.group), x = view.span(node)[1];
    const lost = node.error || node.cancelled, x1 = Math.max(x, a), mid = (x1 + x2) / 2;
    stroke(ctx, colour, thin, 0.3, lost ? [2, 4] : []);
    ctx.beginPath(); line(ctx, x, y1, a); ctx.stroke();
    ctx.beginPath();
    if (lost || look.open || (node.group === NONE && !look.plain)) { stroke(ctx, colour, 1.2, 0.45, [2, 4]); curve(ctx, x1, y1, x2, y2); ctx.stroke(); continue; }
    const w = Math.max(0.8, width - (width > 6 ? 1 : 0)) / 2;
    ctx.globalAlpha = 0.26; ctx.fillStyle = colour;
    ctx.moveTo(x1, y1 - thin / 2); ctx.bezierCurveTo(mid, y1 - thin / 2, mid, y2 - w, x2, y2 - w);
    ctx.lineTo(x2, y2 + w); ctx.bezierCurveTo(mid, y2 + w, mid, y1 + thin / 2, x1, y1 + thin / 2); ctx.fill();
  }
  bars(ctx, found.slots.map((s) => ({ ...s, group: nodes[s.node].group })), found.top, found.bottom, x2, look);
}

/** The bar of the votes: a piece per answer. */
function bars(ctx: Ctx, slots: { group: number; y: number; width: number }[], top: number, bottom: number, x: number, look: Look): void {
  ctx.globalAlpha = look.open ? 0.4 : 1;
  const shares = new Map<number, Point>();
  for (const s of slots) { const was = shares.get(s.group); shares.set(s.group, [Math.min(was?.[0] ?? 1e9, s.y - s.width / 2), Math.max(was?.[1] ?? -1e9, s.y + s.width / 2)]); }
  for (const [group, [from, to]] of shares) {
    const t = from <= top + 0.01 ? from : from + 0.75, u = to >= bottom - 0.01 ? to : to - 0.75;
    ctx.fillStyle = colourOf(look, group); ctx.beginPath(); ctx.roundRect(x, t, BAR, Math.max(1, u - t), 3); ctx.fill();
  }
  ctx.globalAlpha = 1;
}
