/** Calls, tools and waits on the lanes: shapes where there is room for one, else pixels. */

import { glyph } from "./glyphs";
import type { Index, View } from "./layout";
import { colourOf, type Ctx, type Look } from "./look";
import { packed, type Pixels } from "./pixels";
import { CANCELLED, CHAT, ERROR, REUSED, TOOL, type Palette } from "./types";

const NARROW = 5, THIN = 5;  // pixels: a shape needs so much in width, a lane so much in height
const GLYPH_FROM = 18;

export function marks(ctx: Ctx, view: View, index: Index, look: Look, pixels: Pixels, width: number, height: number): void {
  const { columns, lanes } = index, time = view.frame.by === "time", h = view.bar, thin = h < THIN;
  const from = view.atX(0) - 1, to = view.atX(width) + 1, colours = new Map<number, number>();
  const colour = (group: number): number => { let c = colours.get(group); if (c === undefined) colours.set(group, (c = packed(colourOf(look, group)))); return c; };
  const error = packed(look.colours.error), none = packed(look.colours.none), soft = packed(look.colours.soft);
  pixels.begin(width, height, look.ratio);
  ctx.setLineDash([]);
  for (let lane = 0; lane < lanes.length; lane++) {
    const list = lanes[lane], rows = view.rows(lane);
    if (!list.length || !view.height(lane) || view.yMark(lane, rows - 1) + h < 0 || view.yMark(lane, 0) - h > height) continue;
    const [first, last] = time ? index.range(lane, from, to) : [0, list.length];
    for (let k = first; k < last; k++) {
      const i = list[k], sub = Math.min(columns.sub[i], rows - 1), flags = columns.flags[i], group = columns.group[i];
      const x1 = time ? view.xStart(columns.begin_ms[i]) : view.xStart(columns.step[i] + 0.06);
      const x2 = time ? view.xEnd(columns.end_ms[i]) : view.xEnd(columns.step[i] + 0.94);
      if (x2 < -2) continue;
      const dim = look.dim !== null && !look.dim[i];
      const x0 = time ? view.xStart(columns.start_ms[i]) : x1;
      if (x0 > width + 2) continue;
      if (thin && x1 - x0 > 1) pixels.add(sub, x0, x1, soft, 0.35, 0.2);
      if (thin || x2 - x1 < NARROW) {
        const shade = (dim ? 0.15 : 1) * (columns.kind[i] === CHAT ? 1 : 0.6);
        if (flags & ERROR) pixels.add(sub, x1, x2, error, dim ? 0.15 : 1, 4);
        else if (flags & CANCELLED) pixels.add(sub, x1, x2, none, shade * 0.6, 1);
        else pixels.add(sub, x1, x2, colour(group), shade, 1);
        continue;
      }
      const y = view.yMark(lane, sub);
      if (time) wait(ctx, x0, x1, y, look);
      shape(ctx, columns.kind[i], flags, x1, x2 - x1, y, h, colourOf(look, group), look.colours, dim);
      const model = columns.kind[i] === CHAT && !(flags & (ERROR | CANCELLED)) && h >= 9 && x2 - x1 >= GLYPH_FROM ? look.models.get(columns.word[i]) : undefined;
      if (model !== undefined) { ctx.fillStyle = look.colours.ground; ctx.globalAlpha = 1; ctx.beginPath(); glyph(ctx, model, x1 + h * 0.62, y, h * 0.2); ctx.fill(); }
    }
    for (let sub = 0; sub < rows; sub++) pixels.band(sub, view.yMark(lane, sub), h);
  }
  pixels.paint(ctx);
  if (time) retries(ctx, view, index, look, width);
}

export function wait(ctx: Ctx, x0: number, x1: number, y: number, look: { colours: Palette }): void {
  if (x1 - x0 <= 3) return;
  ctx.globalAlpha = 1;
  ctx.fillStyle = look.colours.ground;
  ctx.fillRect(x0 + 1, y - 2, x1 - x0 - 2, 4);
  ctx.strokeStyle = look.colours.soft; ctx.lineWidth = 2; ctx.lineCap = "round"; ctx.setLineDash([0.01, 4.5]);
  ctx.beginPath(); ctx.moveTo(x0 + 2, y); ctx.lineTo(x1 - 3, y); ctx.stroke();
  ctx.setLineDash([]); ctx.lineCap = "butt";
}

export function shape(ctx: Ctx, kind: number, flags: number, x: number, w: number, y: number, h: number, colour: string, colours: Palette, dim: boolean): void {
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
    if (lane < 0 || x < 0 || x > width || !view.height(lane)) continue;
    const y = view.yMark(lane, index.columns.sub[i]);
    ctx.moveTo(x, y - view.bar / 2 + 1); ctx.lineTo(x, y + view.bar / 2 - 1);
  }
  ctx.stroke();
}
