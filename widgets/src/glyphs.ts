/** A small shape per model, told apart without colour; workbench/widgets/glyphs.py draws the same. */

export const MOST_GLYPHS = 6;

type Ctx = CanvasRenderingContext2D;

/** Adds the outline of glyph `number`, of about the area of a circle of radius r, to the path. */
export function glyph(ctx: Ctx, number: number, x: number, y: number, r: number): void {
  if (number === 0) { ctx.moveTo(x + r, y); ctx.arc(x, y, r, 0, 2 * Math.PI); }
  else if (number === 1) polygon(ctx, x, y, [r * 1.25], 4, Math.PI / 4);
  else if (number === 2) polygon(ctx, x, y + r * 0.2, [r * 1.4], 3, -Math.PI / 2);
  else if (number === 3) polygon(ctx, x, y, [r * 1.35], 4, 0);
  else if (number === 4) polygon(ctx, x, y, [r * 1.5, r * 0.675], 10, -Math.PI / 2);
  else if (number === 5) { const w = r * 0.84, l = r * 2.5; ctx.rect(x - w / 2, y - l / 2, w, l); ctx.rect(x - l / 2, y - w / 2, l, w); }
  else { ctx.moveTo(x + r / 2, y); ctx.arc(x, y, r / 2, 0, 2 * Math.PI); }
}

function polygon(ctx: Ctx, x: number, y: number, radii: number[], corners: number, turn: number): void {
  for (let i = 0; i < corners; i++) {
    const a = turn + (2 * Math.PI * i) / corners, r = radii[i % radii.length];
    if (i) ctx.lineTo(x + r * Math.cos(a), y + r * Math.sin(a));
    else ctx.moveTo(x + r * Math.cos(a), y + r * Math.sin(a));
  }
  ctx.closePath();
}
