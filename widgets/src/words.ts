/** DOM over the canvas: header, lane labels, ticks, answers, verdict, and what each lane is saying just now. */

import { make } from "./dom";
import { clock, ticks, type View } from "./layout";
import { colourOf, type Look } from "./paint";

const MOST_ANSWERS = 150;

export class Words {
  readonly el = make("div", "words");
  private readonly moving = make("div");

  constructor(private readonly fold: (lane: number) => void) { this.moving.style.inset = "0"; }

  update(view: View, look: Look, width: number, height: number, folded: ReadonlySet<number>, parents: ReadonlySet<number>): void {
    const { text } = view.head;
    this.el.replaceChildren(this.moving);
    make("div", "title", text.title, this.el);
    make("div", "subtitle", text.subtitle, this.el);
    this.moving.replaceChildren();
    this.labels(view, width, height, folded, parents);
    this.axis(view, width, height);
    this.answers(view, look, width, height);
    this.tails(view, width);
    this.verdict(view, look, width);
  }

  private place(el: HTMLElement, x: number, y: number, width?: number): void {
    el.style.left = `${x}px`;
    el.style.top = `${y}px`;
    if (width !== undefined) el.style.maxWidth = `${Math.max(0, width)}px`;
  }

  private labels(view: View, width: number, height: number, folded: ReadonlySet<number>, parents: ReadonlySet<number>): void {
    const size = view.base >= 20 ? 12 : view.base >= 11 ? 10 : 0;
    view.head.lanes.forEach((lane, n) => {
      const y = view.y(n);
      if (!view.height(n) || y < view.frame.top - 8 || y > height - 36) return;
      if (lane.among.length) {
        const node = view.head.nodes[lane.nodes[0]];
        if (node.kind === "synthesis") return;
        const [a, b] = view.span(node);
        if (b > view.frame.left && a < width) this.place(make("span", "float", lane.label, this.moving), (a + b) / 2, y - view.bar / 2 - 20);
        return;
      }
      if (!size) return;
      const sub = lane.model && !lane.label.includes(lane.model) && view.base >= 36 ? lane.model : "";
      const el = make("div", "lane", "", this.moving);
      const name = make("b", "", lane.label, el);
      name.style.fontSize = `${size}px`;
      name.title = lane.label;
      if (parents.has(n)) {
        const button = document.createElement("button");
        button.className = "fold";
        button.textContent = folded.has(n) ? "▸" : "▾";
        button.setAttribute("aria-label", `${folded.has(n) ? "Unfold" : "Fold"} what is inside ${lane.label}`);
        button.onclick = () => this.fold(n);
        name.prepend(button);
      }
      if (sub) make("i", "", sub, el);
      const x = 24 + 12 * lane.depth;
      this.place(el, x, y - (sub ? 12 : 7), view.frame.left - 62 - x);
    });
  }

  private axis(view: View, width: number, height: number): void {
    if (view.frame.by === "structure") return;
    const { at, step } = ticks(view.atX(view.frame.left), Math.min(view.atX(width), view.head.duration_ms), view.scale);
    const y = Math.min(height - 22, view.bottom - view.frame.panY + 8);
    let last = -100;
    for (const ms of at) {
      const x = ms ? view.xEnd(ms) : view.xStart(0);
      if (x < view.frame.left - 1 || x > width - 24 || x - last < 56) continue;
      this.place(make("span", "tick", clock(ms, step), this.moving), x, y);
      last = x;
    }
  }

  private answers(view: View, look: Look, width: number, height: number): void {
    if (view.base < 20) return;
    const { nodes, lanes } = view.head;
    const next = new Map<number, number[]>();
    for (const node of nodes) next.set(node.lane, [...(next.get(node.lane) ?? []), view.span(node)[0]]);
    let shown = 0;
    for (const node of nodes) {
      if (node.kind === "synthesis" || node.answer === null || lanes[node.lane].among.length || !view.height(node.lane)) continue;
      const x = view.span(node)[1], y = view.y(node.lane);
      if (x < view.frame.left || x > width || y < view.frame.top || y > height || shown++ > MOST_ANSWERS) continue;
      const after = Math.min(...(next.get(node.lane) ?? []).filter((s) => s > x), 1e9);
      const room = Math.min(96, after - x - 10, Math.max(44, view.frame.right - 104 - x));
      if (room < 22) continue;
      const el = make("span", "said", node.answer, this.moving);
      el.style.color = colourOf(look, node.group);
      this.place(el, x + 7, y - 18, room);
    }
  }

  private tails(view: View, width: number): void {
    for (const [n, text] of view.head.live?.tails ?? []) {
      const node = view.head.nodes[n];
      if (!node || !view.height(node.lane) || view.base < 20) continue;
      const x = Math.min(view.span(node)[1] + 10, width - 250);
      const el = make("span", "tail", "", this.moving);
      make("bdi", "", text, el);
      this.place(el, x, view.y(node.lane) - 8, width - x - 16);
    }
  }

  private verdict(view: View, look: Look, width: number): void {
    const { text, nodes, lanes } = view.head;
    if (!text.answer && !text.notes.length) return;
    const merges = nodes.filter((n) => n.kind === "synthesis" && lanes[n.lane].depth === 0);
    const last = merges.reduce<(typeof merges)[number] | null>((a, b) => (a && a.start_ms > b.start_ms ? a : b), null);
    const ended = view.head.joints.find((j) => !j.targets.length);
    const sources = ended?.sources.map((n) => nodes[n]) ?? [];
    const ys = (last ? [last] : sources).map((n) => view.y(n.lane));
    if (!ys.length) return;
    const x = last ? view.span(last)[1] : Math.max(...sources.map((n) => view.seam(view.end(n))[1]));
    if (x > width - 30 || x < view.frame.left) return;
    const el = make("div", "verdict", "", this.moving);
    if (text.answer) make("strong", "", text.answer, el);
    for (const [line, group] of text.notes) make("em", "", line, el).style.color = group === null ? look.colours.soft : colourOf(look, group);
    this.place(el, x + 14, (Math.min(...ys) + Math.max(...ys)) / 2 - (text.answer ? 13 : 0) - (text.notes.length * 16) / 2, width - x - 22);
  }
}
