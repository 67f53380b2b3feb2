/** One picture: its state, and what redraws when. */

import { Controls } from "./controls";
import { describe } from "./describe";
import { Details } from "./details";
import { clean, make } from "./dom";
import { MOST_GLYPHS } from "./glyphs";
import { listen } from "./keys";
import { GLYPH_PX } from "./labels";
import { extent, hit, Index, View, type Frame } from "./layout";
import { entries, Legend, type Entry } from "./legend";
import { FOOT, margins } from "./margins";
import { paint, type Look } from "./paint";
import { Pixels } from "./pixels";
import { search } from "./search";
import { CSS } from "./styles";
import { onThemeChange, paletteOf } from "./theme";
import { unpack, type Columns, type Detail, type Head, type Palette, type Reading } from "./types";
import { unseen } from "./unseen";
import { Words } from "./words";

const TOP = 74, MAX_STAGE_PX = 640;

const PATH: Entry = { text: "critical path", width: 22, draw: (ctx, c) => { ctx.fillStyle = c.ink; ctx.fillRect(0, 6, 22, 1.5); } };

export interface Out { select(rows: number[]): void; ask(row: number): void; stop(): void }

export class Picture {
  readonly root = make("div", "wb");
  private readonly stage = make("div", "stage");
  private readonly canvas = make("canvas");
  private readonly words = new Words((lane) => this.fold(lane), (lane) => this.zoomTo(lane));
  private readonly legend = new Legend();
  private readonly pixels = new Pixels();
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
  private foldable = new Set<number>();
  private glyphs = new Map<string, number>();
  private models = new Map<number, number>();
  private keys: Entry[] = [];
  private colours: Palette | null = null;
  private matching: Uint8Array | null = null;
  private only = false;
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
    host.setAttribute("data-lm-suppress-shortcuts", "true");  // Jupyter's own keys (0 0 restarts the kernel) do not hear ours
    const shadow = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    shadow.adoptedStyleSheets = [sheet];
    this.controls = new Controls({
      by: (r) => this.read(r), critical: () => this.toggle("critical"), zoom: (f) => this.zoomAt(f, NaN), fit: () => this.fit(),
      search: (w) => this.search(w), only: () => { this.only = !this.only; this.hide(); this.draw(); }, stop: () => this.out.stop(),
    });
    this.root.tabIndex = 0;
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-roledescription", "picture of parallel threads");
    this.said.setAttribute("aria-live", "polite");
    this.canvas.setAttribute("role", "img");
    this.tip.hidden = true;
    this.stage.append(this.canvas, this.words.el, this.controls.el, this.tip);
    this.root.append(this.stage, this.legend.el, this.controls.status, this.details.el, this.said);
    shadow.append(this.root);
    listen(this.root, this.stage, {
      step: (dx, dy) => this.step(dx, dy), open: () => this.choose(this.selected), leave: () => this.choose(-1),
      zoomAt: (f, x) => this.zoomAt(f, x), pan: (dx, dy) => this.pan(dx, dy), fit: () => this.fit(), hover: (x, y) => this.point(x, y),
      out: () => this.point(-1, -1), pick: (x, y) => { this.root.focus({ preventScroll: true }); this.choose(this.at(x, y)); },
      toggle: (w) => (w === "critical" ? this.toggle(w) : this.read(this.by === "time" ? "structure" : "time")), search: () => this.controls.search.focus(),
      thread: () => { if (this.selected >= 0) this.zoomTo(this.index.columns.lane[this.selected]); },
      fold: () => { const lane = this.selected < 0 ? -1 : this.index.columns.lane[this.selected]; if (this.foldable.has(lane)) this.fold(lane); },
    });
    const resize = new ResizeObserver(() => { const width = this.stage.clientWidth; if (Math.abs(width - this.width) > 0.5) { this.width = width; this.draw(); } });
    resize.observe(this.root);
    this.undo.push(() => resize.disconnect(), onThemeChange(() => { this.colours = null; this.draw(); }));
  }

  close(): void { for (const act of this.undo) act(); cancelAnimationFrame(this.pending); }

  // -- from outside ------------------------------------------------------------------------------------------------------

  show(head: Head, columns: Columns): void {
    if (this.head?.trace_id !== head.trace_id) { this.zoom = 1; this.panX = this.panY = 0; this.folded.clear(); this.selected = -1; this.details.hide(); }
    if (head.live) this.shown.clear();
    this.head = head;
    this.index = new Index(columns, head.lanes.length);
    this.foldable = new Set(head.lanes.map((l) => l.inner).filter((n) => n >= 0));
    head.lanes.forEach((lane, n) => { if (lane.rows > 1) this.foldable.add(n); });
    this.glyphs = new Map(head.models.length > 1 ? head.models.map((name, n) => [name, Math.min(n, MOST_GLYPHS)]) : []);
    this.models = new Map(head.words.flatMap((word, n) => { const g = this.glyphs.get(word); return g === undefined ? [] : [[n, g] as [number, number]]; }));
    this.keys = entries(head, columns);
    this.matching = search(head, this.index, this.controls.search.value);
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

  /** The time in which a thread was at work, across the picture. */
  private zoomTo(lane: number): void {
    const nodes = this.head?.lanes[lane]?.nodes.map((n) => this.head!.nodes[n]) ?? [];
    if (!nodes.length) return;
    this.zoom = 1;
    this.panX = 0;
    const whole = this.measure(), room = whole.frame.right - whole.frame.left;
    const from = Math.min(...nodes.map((n) => whole.start(n))), to = Math.max(...nodes.map((n) => whole.end(n)));
    const opened = whole.xEnd(to) - whole.xStart(from) - (to - from) * whole.scale;
    this.zoom = Math.min(Math.max(1, (0.9 * room - opened) / Math.max(1e-9, (to - from) * whole.scale)), 2e5);
    this.panX = this.measure().xStart(from) - whole.frame.left - 0.05 * room;
    this.bound();
    this.draw();
  }

  private fold(lane: number): void {
    if (!this.folded.delete(lane)) this.folded.add(lane);
    this.hide();
    this.draw();
  }

  private hide(): void { this.hidden = this.head ? unseen(this.head, this.folded, this.only ? this.matching : null, this.index.columns.lane) : new Set(); }

  private search(words: string): void {
    this.matching = this.head && search(this.head, this.index, words);
    if (this.matching) this.said.textContent = `${this.matching.reduce((n, one) => n + one, 0)} found`;
    else this.only = false;
    this.hide();
    this.draw();
  }

  private at(x: number, y: number): number { return this.view && y >= TOP - 10 ? hit(this.view, this.index, x, y) : -1; }

  private point(x: number, y: number): void {
    const found = x < 0 ? -1 : this.at(x, y);
    this.tip.hidden = found < 0;
    this.stage.style.cursor = found < 0 ? "" : "pointer";
    if (found >= 0 && this.head && this.view) {
      this.tip.textContent = clean(describe(this.head, this.index.columns, found));
      this.tip.style.left = `${Math.min(Math.max(4, x + 12), this.width - 200)}px`;
      this.tip.style.top = `${y + 16}px`;
    }
    if (found !== this.hover) { this.hover = found; this.draw(); }
  }

  private choose(mark: number): void {
    const row = mark < 0 ? -1 : this.index.columns.row[mark];
    this.mark(row < 0 ? [] : [row]);
    this.said.textContent = mark < 0 ? "" : clean(describe(this.head!, this.index.columns, mark));
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
    const frame: Frame = { left, right: Math.max(left + 120, this.width - 24 - verdict), top: TOP, zoom: this.zoom, panX: this.panX, panY: this.panY, by: this.by, hidden: this.hidden, folded: this.folded };
    return new View(head, frame);
  }

  /** Widths of the words at the left and at the right, measured once per trace. */
  private weigh(head: Head): void {
    const ctx = this.canvas.getContext("2d")!, family = getComputedStyle(this.root).fontFamily;
    const px = (font: string, text: string): number => { ctx.font = `${font} ${family}`; return ctx.measureText(text).width; };
    this.labelPx = 4;
    for (const l of head.lanes) if (!l.among.length) this.labelPx = Math.max(this.labelPx, px("12px", l.label.slice(0, 60)) + 8 + l.depth * 12 + (this.foldable.size ? 14 : 0) + (this.glyphs.size ? GLYPH_PX : 0), px("10px", l.model.slice(0, 60)) + 8 + l.depth * 12 + (this.glyphs.size ? GLYPH_PX : 0));
    this.verdictPx = Math.max(0, px("600 20px", head.text.answer), ...head.text.notes.map(([t]) => px("12px", t)));
  }

  private draw(): void { if (!this.pending) this.pending = requestAnimationFrame(() => { this.pending = 0; this.now(); }); }

  private now(): void {
    this.width ||= this.stage.clientWidth || this.host.clientWidth;
    if (!this.head || !this.width) return;
    if (!this.weighed) { this.weigh(this.head); this.weighed = true; }  // only now the fonts are known: the root is in the page
    const view = (this.view = this.measure());
    const height = this.height(view), ratio = window.devicePixelRatio || 1, colours = this.themed();
    this.size(height, ratio);
    const ctx = this.canvas.getContext("2d")!, live = this.head.live;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    const look: Look = {
      colours, plain: !this.head.groups.length, critical: this.critical, selected: this.selected, hover: this.hover, dim: this.matching,
      open: !!live && live.state !== "ended" && !this.head.joints.some((j) => j.kind === "join" && j.targets.length), models: this.models, ratio,
    };
    paint(ctx, view, this.index, look, this.pixels, this.width, height);
    margins(ctx, view, look.colours.ground, this.width, height);
    this.words.update(view, look, this.width, height, { folded: this.folded, foldable: this.foldable, glyphs: this.glyphs, soft: colours.soft });
    this.legend.update(this.critical ? [...this.keys, PATH] : this.keys, colours);
    this.controls.update(this.by, this.critical, this.only, live);
    this.root.dataset.drawn = String(Number(this.root.dataset.drawn ?? 0) + 1);
  }

  /** The colours of this place; looked up only when the theme changes, for asking makes the browser lay out the page. */
  private themed(): Palette {
    if (this.colours) return this.colours;
    const colours = (this.colours = paletteOf(this.head!, this.host));
    for (const [name, value] of [["ink", colours.ink], ["ground", colours.ground], ["soft", colours.soft], ["line", colours.line], ["edge", colours.soft], ["error", colours.error], ["accent", colours.answers[0]]]) this.root.style.setProperty(`--${name}`, value);
    return colours;
  }

  private size(height: number, ratio: number): void {
    const [w, h] = [Math.round(this.width * ratio), Math.round(height * ratio)];
    if (this.canvas.width === w && this.canvas.height === h) return;
    this.canvas.width = w;
    this.canvas.height = h;
    this.canvas.style.width = `${this.width}px`;
    this.stage.style.height = this.canvas.style.height = `${height}px`;
  }
}
