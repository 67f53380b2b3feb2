/** The names of the lanes, each with its model's glyph and a button that folds what is inside; they stay while one pans. */

import { make } from "./dom";
import { glyph } from "./glyphs";
import type { View } from "./layout";
import type { Lane } from "./types";

export interface Labelled { folded: ReadonlySet<number>; foldable: ReadonlySet<number>; glyphs: ReadonlyMap<string, number>; soft: string }

export const GLYPH_PX = 15;

export class Labels {
  private readonly shown = new Map<number, { el: HTMLElement; made: string; y: number }>();

  constructor(private readonly into: Element, private readonly fold: (lane: number) => void, private readonly zoom: (lane: number) => void) {}

  update(view: View, height: number, of: Labelled): void {
    const size = view.base >= 20 ? 12 : view.base >= 11 ? 10 : 0;
    const keep = new Set<number>();
    if (size) view.head.lanes.forEach((lane, n) => {
      const y = view.y(n);
      if (lane.among.length || !view.height(n) || y < view.frame.top - 8 || y > height - 36) return;
      keep.add(n);
      const sub = lane.model && !lane.label.includes(lane.model) && view.base >= 36 ? lane.model : "";
      const x = 24 + 12 * lane.depth, number = of.glyphs.get(lane.model) ?? -1, folds = of.foldable.has(n) ? (of.folded.has(n) ? 2 : 1) : 0;
      const made = [lane.label, sub, size, x, view.frame.left, number, of.soft, folds].join("\u0000");
      let known = this.shown.get(n);
      if (!known || known.made !== made) {
        known?.el.remove();
        known = { el: this.make(n, lane, sub, size, folds, number, of.soft), made, y: NaN };
        known.el.style.left = `${x}px`;
        known.el.style.maxWidth = `${Math.max(0, view.frame.left - 62 - x)}px`;
        this.shown.set(n, known);
      }
      const at = y - (sub ? 12 : 7);
      if (known.y !== at) { known.el.style.top = `${at}px`; known.y = at; }
    });
    for (const [n, known] of this.shown) if (!keep.has(n)) { known.el.remove(); this.shown.delete(n); }
  }

  private make(n: number, lane: Lane, sub: string, size: number, folds: number, number: number, soft: string): HTMLElement {
    const el = make("div", "lane", "", this.into);
    if (number >= 0) { el.append(sample(11, 14, soft, (ctx) => { ctx.beginPath(); glyph(ctx, number, 5, 7, 3.6); ctx.fill(); })); el.style.paddingLeft = `${GLYPH_PX}px`; }
    const name = make("b", "", lane.label, el);
    name.style.fontSize = `${size}px`;
    el.title = [lane.label, lane.model].filter(Boolean).join(" · ");
    el.ondblclick = (e) => { e.stopPropagation(); this.zoom(n); };
    if (folds) {
      const button = make("button", "fold", folds === 2 ? "▸" : "▾");
      button.setAttribute("aria-label", `${folds === 2 ? "Unfold" : "Fold"} what is inside ${lane.label}`);
      button.setAttribute("aria-expanded", String(folds === 1));
      button.onclick = () => { this.fold(n); };
      name.prepend(button);
    }
    if (sub) make("i", "", sub, el);
    return el;
  }
}

/** A little canvas for a glyph or a mark beside words. */
export function sample(width: number, height: number, colour: string, draw: (ctx: CanvasRenderingContext2D) => void): HTMLCanvasElement {
  const el = document.createElement("canvas"), ratio = Math.max(2, window.devicePixelRatio || 1), ctx = el.getContext("2d")!;
  el.width = width * ratio;
  el.height = height * ratio;
  el.style.width = `${width}px`;
  el.style.height = `${height}px`;
  el.setAttribute("aria-hidden", "true");
  ctx.scale(ratio, ratio);
  ctx.fillStyle = ctx.strokeStyle = colour;
  draw(ctx);
  return el;
}
