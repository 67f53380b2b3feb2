/** Canvas: everything that is drawn many times, from back to front; touches only what the frame shows. */

import { forks, ribbons } from "./joints";
import { extent, ticks, type Index, type View } from "./layout";
import { colourOf, stroke, type Ctx, type Look } from "./look";
import { marks } from "./marks";
import type { Pixels } from "./pixels";

export { colourOf, type Look } from "./look";

export function paint(ctx: Ctx, view: View, index: Index, look: Look, pixels: Pixels, width: number, height: number): void {
  ctx.clearRect(0, 0, width, height);
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, view.frame.top - 2, width, Math.max(0, height - view.frame.top + 2));
  ctx.clip();
  axis(ctx, view, look, width, height);
  forks(ctx, view, look, width, height);
  lanes(ctx, view, look, width, height);
  ribbons(ctx, view, look, width, height);
  marks(ctx, view, index, look, pixels, width, height);
  if (look.critical) critical(ctx, view, look, width, height);
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

/** The line of each thread; one path per colour. */
function lanes(ctx: Ctx, view: View, look: Look, width: number, height: number): void {
  const paths = new Map<number, [number, number, number][]>();
  for (const node of view.head.nodes) {
    const y = view.y(node.lane);
    if (node.kind === "synthesis" || y < 0 || y > height || !view.height(node.lane)) continue;
    const [x1, x2] = view.span(node);
    if (x2 < 0 || x1 > width) continue;
    const own = paths.get(node.group);
    if (own) own.push([x1, x2, y]);
    else paths.set(node.group, [[x1, x2, y]]);
  }
  for (const [group, lines] of paths) {
    stroke(ctx, colourOf(look, group), Math.min(2, view.bar / 3), 0.4, []);
    ctx.beginPath();
    for (const [x1, x2, y] of lines) { ctx.moveTo(Math.max(x1, -5), y); ctx.lineTo(Math.min(x2, width + 5), y); }
    ctx.stroke();
  }
}

function critical(ctx: Ctx, view: View, look: Look, width: number, height: number): void {
  stroke(ctx, look.colours.ink, 1.5, 1, []);
  ctx.beginPath();
  for (const node of view.head.nodes) {
    if (!node.critical || !view.height(node.lane)) continue;
    const [x1, x2] = view.span(node), y = view.y(node.lane) + view.bar / 2 + 4;
    if (x2 < 0 || x1 > width || y < 0 || y > height) continue;
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
