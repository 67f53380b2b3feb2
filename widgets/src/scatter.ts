/** Scatter: accuracy against one cost, with intervals, the Pareto front, brushing, and points one can walk by keyboard. */

import { clean, make } from "./dom";

export interface Point { key: string; x: number; y: number; low: number; high: number; front: boolean; best: boolean; name: string }
export interface Axis { title: string; unit: string }
export interface Acts { pick(key: string): void; brush(keys: string[] | null): void; hover(key: string | null): void }

const NS = "http://www.w3.org/2000/svg", HIGH = 250, LEFT = 44, RIGHT = 16, TOP = 16, FOOT = 40;

function put(tag: string, attributes: Record<string, string | number>, into: Element, text = ""): SVGElement {
  const el = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) el.setAttribute(name, String(value));
  if (text) el.textContent = clean(text);
  into.append(el);
  return el;
}

export class Scatter {
  readonly el = make("figure");
  private readonly svg: SVGElement;
  private points: Point[] = [];
  private at = 0;
  private px: (x: number) => number = () => 0;
  private py: (y: number) => number = () => 0;
  private from: [number, number] | null = null;
  private box: SVGElement | null = null;
  private wide = 0;
  private shown = new Set<string>();
  private chosen: string[] = [];

  constructor(private readonly axis: Axis, private readonly acts: Acts) {
    this.el.style.margin = "0";
    this.svg = put("svg", { role: "group", tabindex: 0, "aria-roledescription": "scatter plot" }, this.el);
    this.svg.addEventListener("keydown", (e) => this.key(e as KeyboardEvent));
    this.svg.addEventListener("pointerdown", (e) => this.down(e as PointerEvent));
    this.svg.addEventListener("pointermove", (e) => this.move(e as PointerEvent));
    this.svg.addEventListener("pointerup", (e) => this.up(e as PointerEvent));
    new ResizeObserver(() => { if (Math.abs(this.el.clientWidth - this.wide) > 1) this.draw(); }).observe(this.el);
  }

  show(points: Point[], shown: Set<string>, chosen: string[]): void {
    this.points = points.filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y)).sort((a, b) => a.x - b.x);
    [this.shown, this.chosen] = [shown, chosen];
    this.at = Math.min(this.at, Math.max(0, this.points.length - 1));
    this.draw();
  }

  private draw(): void {
    const wide = (this.wide = Math.max(260, this.el.clientWidth)), { points } = this;
    this.svg.setAttribute("viewBox", `0 0 ${wide} ${HIGH}`);
    this.svg.setAttribute("height", String(HIGH));
    this.svg.setAttribute("aria-label", `accuracy against ${this.axis.title}: ${points.length} choices, ${points.filter((p) => p.front).length} on the Pareto front; arrow keys walk along them, Enter selects`);
    this.svg.replaceChildren();
    if (!points.length) { put("text", { x: LEFT, y: 40 }, this.svg, `no choice has a recorded ${this.axis.title}`); return; }
    const xs = points.map((p) => p.x), low = Math.max(0, Math.min(...points.map((p) => p.low)) - 0.02), high = Math.min(1, Math.max(...points.map((p) => p.high)) + 0.02);
    const most = Math.max(...xs), least = Math.min(...xs), log = least > 0 && most / least > 25;
    const f = log ? Math.log10 : (x: number) => x, a = f(log ? least / 1.3 : 0), b = f(log ? most * 1.3 : most * 1.06 || 1);
    this.px = (x) => LEFT + ((f(x) - a) / (b - a)) * (wide - LEFT - RIGHT);
    this.py = (y) => HIGH - FOOT - ((y - low) / (high - low || 1)) * (HIGH - TOP - FOOT);
    for (const y of ticks(low, high, 5)) {
      put("line", { class: "axis", x1: LEFT, x2: wide - RIGHT, y1: this.py(y), y2: this.py(y) }, this.svg);
      put("text", { x: LEFT - 8, y: this.py(y) + 4, "text-anchor": "end" }, this.svg, `${Math.round(y * 100)}%`);
    }
    for (const x of log ? decades(least / 1.3, most * 1.3) : ticks(0, most * 1.06, 5)) put("text", { x: this.px(x), y: HIGH - FOOT + 18, "text-anchor": "middle" }, this.svg, short(x, this.axis.unit));
    put("text", { class: "name", x: wide - RIGHT, y: HIGH - 4, "text-anchor": "end" }, this.svg, `${this.axis.title} →`);
    put("text", { class: "name", x: 0, y: 10 }, this.svg, "accuracy ↑");
    this.front();
    points.forEach((p, i) => { if (!p.best) this.point(p, i); });
    points.forEach((p, i) => { if (p.best) this.point(p, i); }); // its words over the others' intervals
  }

  /** The steps that nobody is above. */
  private front(): void {
    let best = -1, path = "";
    for (const p of this.points.filter((q) => q.front && this.shown.has(q.key))) {
      if (p.y <= best) continue;
      path += path ? `H${this.px(p.x)}V${this.py(p.y)}` : `M${this.px(p.x)} ${this.py(p.y)}`;
      best = p.y;
    }
    if (path) put("path", { class: "front", d: path }, this.svg);
  }

  private point(p: Point, i: number): void {
    const x = this.px(p.x), y = this.py(p.y), shown = this.shown.has(p.key);
    const g = put("g", { class: shown ? "" : "off" }, this.svg);
    put("line", { class: "bar1", x1: x, x2: x, y1: this.py(p.low), y2: this.py(p.high) }, g);
    if (p.best) {
      put("circle", { class: "best", cx: x, cy: y, r: 9.5 }, g);
      const left = x > this.wide - 130;
      put("text", { class: "name halo", x: x + (left ? -14 : 14), y: y - 9, "text-anchor": left ? "end" : "start" }, g, "recommended");
    }
    if (this.chosen.includes(p.key)) put("circle", { class: "pick", cx: x, cy: y, r: 7.5 }, g);
    const dot = put("circle", { class: `dot ${p.front ? "on" : ""}`, cx: x, cy: y, r: 4.5, role: "img", "aria-label": clean(p.name), "data-key": i }, g);
    put("title", {}, dot, p.name);
    put("circle", { cx: x, cy: y, r: 12, fill: "transparent", "data-key": i }, g).addEventListener("click", () => { this.at = i; this.acts.pick(p.key); });
    dot.addEventListener("click", () => { this.at = i; this.acts.pick(p.key); });
  }

  private key(e: KeyboardEvent): void {
    if (!this.points.length) return;
    const step: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (e.key in step) {
      for (let i = this.at + step[e.key]; i >= 0 && i < this.points.length; i += step[e.key]) if (this.shown.has(this.points[i].key)) { this.at = i; break; }
      this.acts.hover(this.points[this.at].key);
    } else if (e.key === "Enter" || e.key === " ") this.acts.pick(this.points[this.at].key);
    else if (e.key === "Escape") this.acts.brush(null);
    else return;
    e.preventDefault();
    e.stopPropagation();
  }

  private place(e: PointerEvent): [number, number] {
    const box = this.svg.getBoundingClientRect();
    return [((e.clientX - box.left) / box.width) * this.wide, e.clientY - box.top];
  }

  private down(e: PointerEvent): void { if (e.button === 0) this.from = this.place(e); }

  private move(e: PointerEvent): void {
    if (!this.from) return;
    const [x, y] = this.place(e), [a, b] = this.from;
    if (!this.box && Math.hypot(x - a, y - b) < 5) return;
    if (!this.box) { this.box = put("rect", { class: "brush" }, this.svg); this.svg.setPointerCapture(e.pointerId); }
    const at = { x: Math.min(a, x), y: Math.min(b, y), width: Math.abs(x - a), height: Math.abs(y - b) };
    for (const [name, value] of Object.entries(at)) this.box.setAttribute(name, String(value));
  }

  private up(e: PointerEvent): void {
    const from = this.from, drawn = this.box;
    this.from = this.box = null;
    if (!from || !drawn) return;
    drawn.remove();
    const [x, y] = this.place(e), between = (v: number, a: number, b: number): boolean => v >= Math.min(a, b) && v <= Math.max(a, b);
    this.acts.brush(this.points.filter((p) => between(this.px(p.x), from[0], x) && between(this.py(p.y), from[1], y)).map((p) => p.key));
  }
}

export function ticks(low: number, high: number, count: number): number[] {
  const raw = (high - low) / count || 1, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw) ?? power * 10;
  const out = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) out.push(i * step);
  return out;
}

export function decades(low: number, high: number): number[] {
  const out = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) for (const m of [1, 3]) { const x = m * 10 ** e; if (x >= low && x <= high) out.push(x); }
  return out;
}

export function short(x: number, unit: string): string {
  const text = x === 0 ? "0" : x >= 1000 ? `${+(x / 1000).toPrecision(3)}k` : x < 0.001 ? x.toExponential(0).replace("e-", "e−") : String(+x.toPrecision(3));
  return unit === "$" ? `$${text}` : unit ? `${text} ${unit}` : text;
}
