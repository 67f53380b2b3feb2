/** What all parts of the canvas share: how a picture looks just now, and strokes. */

import { NONE, PART, type Palette } from "./types";

export type Ctx = CanvasRenderingContext2D;

/** `dim`: 1 for each mark that a search found. `open`: the run goes on, and how it converges is not yet certain. */
export interface Look {
  colours: Palette; plain: boolean; critical: boolean; selected: number; hover: number; dim: Uint8Array | null; open: boolean; models: Map<number, number>; ratio: number;
}

export const colourOf = (look: Look, group: number): string =>
  look.plain || group === PART ? look.colours.answers[0] : group === NONE ? look.colours.none : (look.colours.answers[group] ?? look.colours.soft);

export function stroke(ctx: Ctx, colour: string, width: number, opacity: number, dash: number[]): void {
  ctx.strokeStyle = colour; ctx.lineWidth = width; ctx.globalAlpha = opacity; ctx.setLineDash(dash); ctx.lineCap = "butt";
}

export function curve(ctx: Ctx, x1: number, y1: number, x2: number, y2: number): void {
  const mid = (x1 + x2) / 2;
  ctx.moveTo(x1, y1);
  ctx.bezierCurveTo(mid, y1, mid, y2, x2, y2);
}

export function line(ctx: Ctx, x1: number, y: number, x2: number): void { if (x2 - x1 > 1) { ctx.moveTo(x1, y); ctx.lineTo(x2, y); } }

export function dot(ctx: Ctx, x: number, y: number, r: number, colour: string): void {
  ctx.globalAlpha = 1; ctx.fillStyle = colour; ctx.beginPath(); ctx.arc(x, y, r, 0, 7); ctx.fill();
}
