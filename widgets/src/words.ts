/** DOM over the canvas: header, lane labels, rounds, ticks, answers, verdict, and what each lane is saying just now. */

import { clean, make } from "./dom";
import { Labels, type Labelled } from "./labels";
import { clock, ticks, type View } from "./layout";
import { colourOf, type Look } from "./paint";
import { Pool } from "./pool";

const MOST_ANSWERS = 150;

export class Words {
  readonly el = make("div", "words");
  private readonly title = make("div", "title", "", this.el);
  private readonly subtitle = make("div", "subtitle", "", this.el);
  private readonly verdict = make("div", "verdict", "", this.el);
  private readonly ticks = new Pool(this.el, "tick");
  private readonly heads = new Pool(this.el, "round");
  private readonly floats = new Pool(this.el, "float");
  private readonly said = new Pool(this.el, "said");
  private readonly tails = new Pool(this.el, "tail", "bdi");
  private readonly labels: Labels;
  private said_ = "";

  constructor(fold: (lane: number) => void, zoom: (lane: number) => void) { this.labels = new Labels(this.el, fold, zoom); }

  update(view: View, look: Look, width: number, height: number, of: Labelled): void {
    const { text } = view.head;
    if (this.title.textContent !== text.title) this.title.textContent = clean(text.title);
    if (this.subtitle.textContent !== text.subtitle) this.subtitle.textContent = clean(text.subtitle);
    this.labels.update(view, height, of);
    for (const pool of [this.ticks, this.heads, this.floats, this.said, this.tails]) pool.start();
    this.axis(view, width, height);
    this.rounds(view, width);
    this.floating(view, width);
    this.answers(view, look, width, height);
    this.saying(view, width);
    for (const pool of [this.ticks, this.heads, this.floats, this.said, this.tails]) pool.end();
    this.end(view, look, width);
  }

  private axis(view: View, width: number, height: number): void {
    if (view.frame.by === "structure") return;
    const { at, step } = ticks(view.atX(view.frame.left), Math.min(view.atX(width), view.head.duration_ms), view.scale);
    const y = Math.min(height - 22, view.bottom - view.frame.panY + 8);
    let last = -100;
    for (const ms of at) {
      const x = ms ? view.xEnd(ms) : view.xStart(0);
      if (x < view.frame.left - 1 || x > width - 24 || x - last < 56) continue;
      this.ticks.next(clock(ms, step), x, y);
      last = x;
    }
  }

  private rounds(view: View, width: number): void {
    const time = view.frame.by === "time";
    for (const round of view.head.rounds) {
      const a = Math.max(view.frame.left, view.xStart(time ? round.start_ms : round.start_step)), b = Math.min(width, view.xEnd(time ? round.end_ms : round.end_step));
      if (b - a > 40) this.heads.next(clean(round.label), (a + b) / 2, view.frame.top - 16, b - a);
    }
  }

  private floating(view: View, width: number): void {
    view.head.lanes.forEach((lane, n) => {
      if (!lane.among.length || !view.height(n)) return;
      const node = view.head.nodes[lane.nodes[0]], y = view.y(n);
      if (node.kind === "synthesis" || y < view.frame.top) return;
      const [a, b] = view.span(node);
      if (b > view.frame.left && a < width) this.floats.next(clean(lane.label), (a + b) / 2, y - view.bar / 2 - 20);
    });
  }

  private answers(view: View, look: Look, width: number, height: number): void {
    if (view.base < 20) return;
    const { nodes, lanes } = view.head;
    const next = new Map<number, number[]>();
    for (const node of nodes) { const own = next.get(node.lane), x = view.span(node)[0]; if (own) own.push(x); else next.set(node.lane, [x]); }
    let shown = 0;
    for (const node of nodes) {
      if (node.kind === "synthesis" || node.answer === null || lanes[node.lane].among.length || !view.height(node.lane)) continue;
      const x = view.span(node)[1], y = view.y(node.lane);
      if (x < view.frame.left || x > width || y < view.frame.top || y > height || shown++ > MOST_ANSWERS) continue;
      const after = Math.min(...(next.get(node.lane) ?? []).filter((s) => s > x), 1e9);
      const room = Math.min(96, after - x - 10, Math.max(44, view.frame.right - 104 - x));
      if (room >= 22) this.said.next(clean(node.answer), x + 7, y - 18, room, colourOf(look, node.group));
    }
  }

  private saying(view: View, width: number): void {
    for (const [n, text] of view.head.live?.tails ?? []) {
      const node = view.head.nodes[n];
      if (!node || !view.height(node.lane) || view.base < 20) continue;
      const x = Math.min(view.span(node)[1], width - 16);
      this.tails.next(clean(text), x, view.y(node.lane) - view.bar / 2 - 16, Math.max(60, Math.min(300, x - view.frame.left)));
    }
  }

  private end(view: View, look: Look, width: number): void {
    const { text, nodes, lanes } = view.head;
    const merges = nodes.filter((n) => n.kind === "synthesis" && lanes[n.lane].depth === 0);
    const last = merges.reduce<(typeof merges)[number] | null>((a, b) => (a && a.start_ms > b.start_ms ? a : b), null);
    const ended = view.head.joints.find((j) => !j.targets.length);
    const sources = ended?.sources.map((n) => nodes[n]) ?? [];
    let low = Infinity, high = -Infinity, right = -Infinity;
    for (const n of last ? [last] : sources) { const y = view.y(n.lane); if (y < low) low = y; if (y > high) high = y; }
    if (!last) for (const n of sources) right = Math.max(right, view.seam(view.end(n))[1]);
    const x = last ? view.span(last)[1] : right;
    this.verdict.hidden = (!text.answer && !text.notes.length) || low === Infinity || x > width - 30 || x < view.frame.left;
    if (this.verdict.hidden) return;
    const made = JSON.stringify([text.answer, text.notes, look.colours.soft, look.colours.answers, look.plain]);
    if (made !== this.said_) {
      this.said_ = made;
      this.verdict.replaceChildren();
      if (text.answer) make("strong", "", text.answer, this.verdict);
      for (const [line, group] of text.notes) make("em", "", line, this.verdict).style.color = group === null ? look.colours.soft : colourOf(look, group);
    }
    this.verdict.style.translate = `${x + 14}px ${(low + high) / 2 - (text.answer ? 13 : 0) - (text.notes.length * 16) / 2}px`;
    this.verdict.style.maxWidth = `${Math.max(0, width - x - 22)}px`;
  }
}
