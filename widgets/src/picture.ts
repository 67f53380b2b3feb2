/** One picture: its state, and what redraws when. */

import { Controls } from "./controls";
import { Details } from "./details";
import { clean, make } from "./dom";
import { extent, hit, Index, View, type Frame } from "./layout";
import { listen } from "./keys";
import { paint, type Look } from "./paint";
import { CSS } from "./styles";
import { onThemeChange, paletteOf } from "./theme";
import { unpack, type Columns, type Detail, type Head, type Reading } from "./types";
import { Words } from "./words";

const TOP = 74, MAX_STAGE_PX = 640, FOOT = 34;

export interface Out { select(rows: number[]): void; ask(row: number): void; stop(): void }

export class Picture {
  readonly root = make("div", "wb");
  private readonly stage = make("div", "stage");
  private readonly canvas = make("canvas");
  private readonly words = new Words((lane) => this.fold(lane));
  private readonly details = new Details(() => this.choose(-1));
  private readonly said = make("div", "gone");
  private readonly tip = make("div", "tip");
  private readonly controls: Controls;
  private head: Head | null = null;
  private index: Index = new Index(unpack([], null), 0);
  private view: View | null = null;
  private by: Reading = "time";
  private critical = false;
  private zoom = 1;
  private panX = 0;
  private panY = 0;
  private folded = new Set<number>();
  private hidden = new Set<number>();
  private parents = new Set<number>();
  private matching: Set<number> | null = null;
  private selected = -1;
  private hover = -1;
  private pending = 0;
  private width = 0;
  private weighed = false;
  private labelPx = 4;
  private verdictPx = 0;
  private readonly undo: (() => void)[] = [];
  private readonly shown = new Map<number, Detail>();

  constructor(private readonly host: HTMLElement, private readonly out: Out) {
    const shadow = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    shadow.adoptedStyleSheets = [sheet];
    this.controls = new Controls({
      by: (r) => this.read(r), critical: () => this.toggle("critical"), zoom: (f) => this.zoomAt(f, NaN), fit: () => this.fit(),
      search: (w) => this.search(w), stop: () => this.out.stop(),
    });
    this.root.tabIndex = 0;
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-roledescription", "picture of parallel threads");
    this.said.setAttribute("aria-live", "polite");
    this.canvas.setAttribute("role", "img");
    this.tip.hidden = true;
    this.stage.append(this.canvas, this.words.el, this.controls.el, this.tip);
    this.root.append(this.stage, this.controls.status, this.details.el, this.said);
    shadow.append(this.root);
    listen(this.root, this.stage, {
      step: (dx, dy) => this.step(dx, dy), open: () => this.choose(this.selected), leave: () => this.choose(-1),
      zoomAt: (f, x) => this.zoomAt(f, x), pan: (dx, dy) => this.pan(dx, dy), fit: () => this.fit(), hover: (x, y) => this.point(x, y),
      out: () => this.point(-1, -1), pick: (x, y) => { this.root.focus({ preventScroll: true }); this.choose(this.at(x, y)); },
      toggle: (w) => (w === "critical" ? this.toggle(w) : this.read(this.by === "time" ? "structure" : "time")), search: () => this.controls.search.focus(),
    });
    const resize = new ResizeObserver(() => { if (Math.abs(this.stage.clientWidth - this.width) > 0.5) this.draw(); });
    resize.observe(this.root);
    this.undo.push(() => resize.disconnect(), onThemeChange(() => this.draw()));
  }

  close(): void { for (const act of this.undo) act(); cancelAnimationFrame(this.pending); }

  // -- from outside ------------------------------------------------------------------------------------------------------

  show(head: Head, columns: Columns): void {
    if (this.head?.trace_id !== head.trace_id) { this.zoom = 1; this.panX = this.panY = 0; this.folded.clear(); this.selected = -1; this.details.hide(); }
    if (head.live) this.shown.clear();
    this.head = head;
    this.index = new Index(columns, head.lanes.length);
    this.parents = new Set(head.lanes.map((l) => l.inner).filter((n) => n >= 0));
    this.hide();
    this.weighed = false;
    this.canvas.setAttribute("aria-label", clean(`${head.text.title}. ${head.text.description}`));
    this.root.setAttribute("aria-label", clean(`Threads of ${head.text.title}. Arrow keys move, Enter opens, + and − zoom.`));
    this.draw();
  }

  options(by: Reading, critical: boolean): void { this.by = by; this.critical = critical; this.draw(); }

  mark(rows: number[]): void {
    const row = rows[0] ?? -1;
    this.selected = row < 0 ? -1 : this.index.columns.row?.indexOf(row) ?? -1;
    if (row < 0) this.details.hide();
    else { const known = this.shown.get(row); if (known) this.details.show(known); else { this.details.wait(); this.out.ask(row); } }
    this.draw();
  }

  detail(row: number, detail: Detail): void {
    this.shown.set(row, detail);
    const selected = this.selected >= 0 ? this.index.columns.row[this.selected] : -1;
    if (selected === row) this.details.show(detail);
  }

  // -- actions --------------------------------------------------------------------------------------------------------------

  private read(by: Reading): void { this.by = by; this.fit(); }
  private toggle(_: "critical"): void { this.critical = !this.critical; this.draw(); }
  private fit(): void { this.zoom = 1; this.panX = this.panY = 0; this.draw(); }

  private zoomAt(factor: number, x: number): void {
    if (!this.view) return;
    const f = this.view.frame, anchor = Number.isNaN(x) ? (f.left + f.right) / 2 : x;
    const at = this.view.atX(anchor), offset = anchor - this.view.xEnd(at);
    this.zoom = Math.min(Math.max(1, this.zoom * factor), 2e5);
    this.panX = 0;
    const next = this.measure();
    this.panX = next.xEnd(at) + offset - anchor;
    this.draw();
  }

  /** False where there is nowhere to go, so that the page may scroll. */
  private pan(dx: number, dy: number): boolean {
    const [x, y] = [this.panX, this.panY];
    this.panX += dx;
    this.panY += dy;
    this.bound();
    const moved = Math.abs(x - this.panX) + Math.abs(y - this.panY) > 0.01;
    if (moved) this.draw();
    return moved;
  }

  private bound(): void {
    const view = this.measure();
    this.panX = Math.min(Math.max(0, this.panX), Math.max(0, view.width - (view.frame.right - view.frame.left)));
    this.panY = Math.min(Math.max(0, this.panY), Math.max(0, view.bottom + FOOT - this.height(view)));
    if (this.zoom <= 1) this.panX = 0;
  }

  private fold(lane: number): void {
    if (!this.folded.delete(lane)) this.folded.add(lane);
    this.hide();
    this.draw();
  }

  private hide(): void {
    this.hidden = new Set();
    this.head?.lanes.forEach((lane, n) => { if (lane.inner >= 0 && (this.folded.has(lane.inner) || this.hidden.has(lane.inner))) this.hidden.add(n); });
  }

  private search(words: string): void {
    const wanted = words.trim().toLowerCase();
    if (!this.head || !wanted) { this.matching = null; this.draw(); return; }
    const { lanes, nodes, words: names } = this.head, c = this.index.columns, found = new Set<number>();
    const lane = lanes.map((l) => [l.label, l.model, l.style, ...l.nodes.map((n) => nodes[n].answer ?? "")].join("\n").toLowerCase().includes(wanted));
    const name = names.map((n) => n.toLowerCase().includes(wanted));
    for (let i = 0; i < c.size; i++) if (lane[c.lane[i]] || name[c.word[i]]) found.add(i);
    this.matching = found;
    this.said.textContent = `${found.size} found`;
    this.draw();
  }

  private at(x: number, y: number): number { return this.view && y >= TOP - 10 ? hit(this.view, this.index, x, y) : -1; }

  private point(x: number, y: number): void {
    const found = x < 0 ? -1 : this.at(x, y);
    this.tip.hidden = found < 0;
    this.stage.style.cursor = found < 0 ? "" : "pointer";
    if (found >= 0 && this.head && this.view) {
      this.tip.textContent = clean(this.describe(found));
      this.tip.style.left = `${Math.min(Math.max(4, x + 12), this.width - 200)}px`;
      this.tip.style.top = `${y + 16}px`;
    }
    if (found !== this.hover) { this.hover = found; this.draw(); }
  }

  private describe(i: number): string {
    const c = this.index.columns, head = this.head!, lane = head.lanes[c.lane[i]];
    const took = c.end_ms[i] - c.begin_ms[i], waited = c.begin_ms[i] - c.start_ms[i];
    const ms = (v: number): string => (v >= 1000 ? `${(v / 1000).toFixed(2)} s` : `${Math.round(v)} ms`);
    const flags = [c.flags[i] & 1 ? "failed" : "", c.flags[i] & 2 ? "cancelled" : "", c.flags[i] & 4 ? "reused" : ""];
    return [lane?.label, head.words[c.word[i]], ms(took), waited > 0.5 ? `waited ${ms(waited)}` : "", ...flags].filter(Boolean).join(" · ");
  }

  private choose(mark: number): void {
    const row = mark < 0 ? -1 : this.index.columns.row[mark];
    this.mark(row < 0 ? [] : [row]);
    this.said.textContent = mark < 0 ? "" : clean(this.describe(mark));
    this.out.select(row < 0 ? [] : [row]);
  }

  private step(dx: number, dy: number): void {
    const c = this.index.columns;
    if (!c.size || !this.view || !this.head) return;
    if (this.selected < 0) { const first = this.index.lanes.find((l) => l.length); this.choose(first ? first[0] : -1); return; }
    const lane = c.lane[this.selected], list = this.index.lanes[lane], k = list.indexOf(this.selected);
    if (dx) { const to = list[k + dx]; if (to !== undefined) this.choose(to); this.reveal(); return; }
    const order = [...this.index.lanes.keys()].filter((n) => this.index.lanes[n].length && this.view!.height(n)).sort((a, b) => this.view!.y(a) - this.view!.y(b));
    const to = order[order.indexOf(lane) + dy];
    if (to === undefined) return;
    const near = [...this.index.lanes[to]].reduce((a, b) => (Math.abs(c.start_ms[b] - c.start_ms[this.selected]) < Math.abs(c.start_ms[a] - c.start_ms[this.selected]) ? b : a));
    this.choose(near);
    this.reveal();
  }

  private reveal(): void {
    if (this.selected < 0 || !this.view) return;
    const [a, b] = extent(this.view, this.index.columns, this.selected), y = this.view.yMark(this.index.columns.lane[this.selected], this.index.columns.sub[this.selected]);
    const { left, right } = this.view.frame, bottom = this.height(this.view) - FOOT;
    this.pan(a < left ? a - left - 20 : b > right ? Math.min(b - right + 20, a - left) : 0, y < TOP + 12 ? y - TOP - 20 : y > bottom ? y - bottom + 12 : 0);
  }

  // -- drawing -----------------------------------------------------------------------------------------------------------------

  private height(view: View): number { return Math.min(MAX_STAGE_PX, view.bottom + FOOT); }

  private measure(): View {
    const head = this.head!;
    const label = Math.min(170, this.width * 0.2, this.labelPx);
    const words = this.verdictPx;
    const verdict = words || head.nodes.some((n) => n.kind === "synthesis") ? 36 + Math.min(190, words) : 0;
    const left = 24 + label + 58;
    const frame: Frame = { left, right: Math.max(left + 120, this.width - 24 - verdict), top: TOP, zoom: this.zoom, panX: this.panX, panY: this.panY, by: this.by, hidden: this.hidden };
    return new View(head, frame);
  }

  /** Widths of the words at the left and at the right, measured once per trace. */
  private weigh(head: Head): void {
    const ctx = this.canvas.getContext("2d")!, family = getComputedStyle(this.root).fontFamily;
    const px = (font: string, text: string): number => { ctx.font = `${font} ${family}`; return ctx.measureText(text).width; };
    this.labelPx = 4;
    for (const l of head.lanes) if (!l.among.length) this.labelPx = Math.max(this.labelPx, px("12px", l.label.slice(0, 60)) + 8 + l.depth * 12 + (this.parents.size ? 14 : 0), px("10px", l.model.slice(0, 60)) + 8 + l.depth * 12);
    this.verdictPx = Math.max(0, px("600 20px", head.text.answer), ...head.text.notes.map(([t]) => px("12px", t)));
  }

  private draw(): void { if (!this.pending) this.pending = requestAnimationFrame(() => { this.pending = 0; this.now(); }); }

  private now(): void {
    this.width = this.stage.clientWidth || this.host.clientWidth;
    if (!this.head || !this.width) return;
    if (!this.weighed) { this.weigh(this.head); this.weighed = true; }  // only now the fonts are known: the root is in the page
    const view = (this.view = this.measure());
    const height = this.height(view), ratio = window.devicePixelRatio || 1;
    const colours = paletteOf(this.head, this.host);
    for (const [name, value] of [["ink", colours.ink], ["ground", colours.ground], ["soft", colours.soft], ["line", colours.line], ["edge", colours.soft], ["error", colours.error], ["accent", colours.answers[0]]]) this.root.style.setProperty(`--${name}`, value);
    this.stage.style.height = `${height}px`;
    if (this.canvas.width !== Math.round(this.width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(this.width * ratio);
      this.canvas.height = Math.round(height * ratio);
      this.canvas.style.width = `${this.width}px`;
      this.canvas.style.height = `${height}px`;
    }
    const ctx = this.canvas.getContext("2d")!;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    const look: Look = { colours, plain: !this.head.groups.length, critical: this.critical, selected: this.selected, hover: this.hover, dim: this.matching, now: this.head.live?.now_ms ?? null };
    paint(ctx, view, this.index, look, this.width, height);
    this.margins(ctx, view, look, height);
    this.words.update(view, look, this.width, height, this.folded, this.parents);
    this.controls.update(this.by, this.critical, this.head.live);
    this.root.dataset.drawn = String(Number(this.root.dataset.drawn ?? 0) + 1);
  }

  /** When zoomed in, what slides under the labels fades into the ground. */
  private margins(ctx: CanvasRenderingContext2D, view: View, look: Look, height: number): void {
    const foot = height - FOOT + 4;
    if (view.bottom - view.frame.panY > foot) {  // lanes go on below: the axis stays in sight
      ctx.globalAlpha = 1;
      ctx.fillStyle = look.colours.ground;
      ctx.fillRect(0, foot, this.width, FOOT);
    }
    if (view.frame.panX <= 0) return;
    const edge = view.frame.left - 50, fade = ctx.createLinearGradient(edge, 0, edge + 30, 0);
    fade.addColorStop(0, look.colours.ground);
    fade.addColorStop(1, "transparent");
    ctx.globalAlpha = 1;
    ctx.fillStyle = look.colours.ground;
    ctx.fillRect(0, view.frame.top - 2, edge, height);
    ctx.fillStyle = fade;
    ctx.fillRect(edge, view.frame.top - 2, 30, height);
  }
}
