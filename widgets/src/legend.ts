/** What the marks mean; only what occurs in the trace is named. The same entries as workbench/widgets/legend.py. */

import { make } from "./dom";
import { glyph, MOST_GLYPHS } from "./glyphs";
import { sample } from "./labels";
import { shape, wait } from "./marks";
import { CANCELLED, CHAT, ERROR, RETRIED, TOOL, type Columns, type Head, type Palette } from "./types";

type Draw = (ctx: CanvasRenderingContext2D, colours: Palette) => void;
export type Entry = { text: string; width: number; draw: Draw };

const SAMPLE: Draw = (ctx, c) => shape(ctx, CHAT, 0, 1, 20, 7, 10, c.soft, c, false);
const of = (kind: number, flags: number): Draw => (ctx, c) => shape(ctx, kind, flags, 1, 20, 7, 10, c.soft, c, false);
const model = (number: number): Draw => (ctx, c) => { ctx.fillStyle = c.soft; ctx.beginPath(); glyph(ctx, number, 6, 7, 4); ctx.fill(); };

export function entries(head: Head, columns: Columns): Entry[] {
  let flags = 0, tools = false, waits = false;
  const least = head.duration_ms * 0.01;
  for (let i = 0; i < columns.size; i++) {
    flags |= columns.flags[i];
    tools ||= columns.kind[i] === TOOL;
    waits ||= columns.begin_ms[i] - columns.start_ms[i] > least;
  }
  const out: Entry[] = [];
  if (head.models.length > 1) head.models.slice(0, MOST_GLYPHS).forEach((text, n) => out.push({ text, width: 12, draw: model(n) }));
  if (head.models.length > MOST_GLYPHS) out.push({ text: `${head.models.length - MOST_GLYPHS} other models`, width: 12, draw: model(MOST_GLYPHS) });
  if (waits) out.push({ text: "waiting for a slot", width: 22, draw: (ctx, c) => wait(ctx, 0, 24, 7, { colours: c }) });
  if (tools) out.push({ text: "tool", width: 22, draw: of(TOOL, 0) });
  if (flags & ERROR) out.push({ text: "failed", width: 22, draw: of(CHAT, ERROR) });
  if (flags & RETRIED) out.push({ text: "tried again", width: 22, draw: (ctx, c) => { SAMPLE(ctx, c); ctx.fillStyle = c.ground; ctx.fillRect(10, 3, 2, 8); } });
  if (flags & CANCELLED) out.push({ text: "cancelled", width: 22, draw: of(CHAT, CANCELLED) });
  return out;
}

export class Legend {
  readonly el = make("div", "key");
  private made = "";

  constructor() { this.el.setAttribute("aria-label", "Legend"); this.el.setAttribute("role", "list"); }

  update(found: Entry[], colours: Palette): void {
    const made = [colours.soft, colours.ground, ...found.map((e) => e.text)].join("\u0000");
    if (made === this.made) return;
    this.made = made;
    this.el.replaceChildren();
    this.el.hidden = !found.length;
    for (const entry of found) {
      const row = make("span", "", "", this.el);
      row.setAttribute("role", "listitem");
      row.append(sample(entry.width, 14, colours.soft, (ctx) => entry.draw(ctx, colours)));
      make("span", "", entry.text, row);
    }
  }
}
