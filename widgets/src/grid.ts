/** Grid: rows of cells, drawn only where they are seen, walked by keyboard, told to screen readers. */

import { make } from "./dom";

export interface Column { title: string; name?: string; width: string; least: number; align?: "num" | "mid"; spoken?: boolean }

export interface Source {
  columns: Column[];
  size: number;
  rowPx: number;
  fill(cell: HTMLElement, row: number, column: number): void;
  /** A cell in words: its tooltip, and what a screen reader says where the column is `spoken` (else it reads the cell). */
  name(row: number, column: number): string;
  selected(row: number): boolean;
  pick(row: number, column: number): void;
}

let grids = 0;

export class Grid {
  readonly el = make("div", "grid scroll");
  private readonly scroll = this.el; // what scrolls is what has the focus
  private readonly head = make("div", "head");
  private readonly body = make("div");
  private readonly id = `g${grids++}`;
  private source: Source | null = null;
  private row = 0;
  private column = 0;
  private from = -1;
  private to = -1;

  constructor(label: string, private readonly most = 420) {
    this.el.tabIndex = 0;
    this.el.setAttribute("role", "grid");
    this.el.setAttribute("aria-label", label);
    this.body.setAttribute("role", "rowgroup");
    this.body.style.position = "relative";
    this.head.setAttribute("role", "rowgroup");
    this.el.append(this.head, this.body);
    this.scroll.addEventListener("scroll", () => this.draw());
    this.el.addEventListener("keydown", (e) => this.key(e));
    this.body.addEventListener("click", (e) => {
      const at = (e.target as Element).closest<HTMLElement>("[data-at]")?.dataset.at?.split(",").map(Number);
      if (at) { this.row = at[0]; this.column = at[1]; this.el.focus({ preventScroll: true }); this.draw(true); this.source?.pick(at[0], at[1]); }
    });
  }

  show(source: Source): void {
    this.source = source;
    this.row = Math.min(this.row, Math.max(0, source.size - 1));
    this.column = Math.min(this.column, source.columns.length - 1);
    this.el.setAttribute("aria-rowcount", String(source.size + 1));
    this.el.setAttribute("aria-colcount", String(source.columns.length));
    this.el.style.setProperty("--cols", source.columns.map((c) => c.width).join(" "));
    this.el.style.setProperty("--least", `${source.columns.reduce((sum, c) => sum + c.least + 6, 0)}px`);
    const top = make("div", "top");
    top.setAttribute("role", "row");
    source.columns.forEach((c, i) => {
      const cell = make("div", `cell ${c.align ?? ""}`, c.title, top);
      cell.setAttribute("role", "columnheader");
      cell.setAttribute("aria-colindex", String(i + 1));
      if (c.name) { cell.title = c.name; cell.setAttribute("aria-label", c.name); }
    });
    this.head.replaceChildren(top);
    this.body.style.height = `${source.size * source.rowPx}px`;
    this.scroll.style.maxHeight = `${this.most}px`;
    this.draw(true);
  }

  /** Draw again what is seen (selection or colours changed). */
  refresh(): void { this.draw(true); }

  private draw(all = false): void {
    const s = this.source;
    if (!s) return;
    const top = this.scroll.scrollTop, from = Math.max(0, Math.floor(top / s.rowPx) - 4);
    const to = Math.min(s.size, Math.ceil((top + this.most) / s.rowPx) + 4);
    if (!all && from === this.from && to === this.to) return;
    [this.from, this.to] = [from, to];
    const rows: HTMLElement[] = [];
    for (let r = from; r < to; r++) rows.push(this.line(s, r));
    this.body.replaceChildren(...rows);
    const active = this.cell(this.row, this.column);
    if (active) this.el.setAttribute("aria-activedescendant", active.id);
    else this.el.removeAttribute("aria-activedescendant");
  }

  private line(s: Source, r: number): HTMLElement {
    const line = make("div", "row");
    line.setAttribute("role", "row");
    line.setAttribute("aria-rowindex", String(r + 2));
    line.setAttribute("aria-selected", String(s.selected(r)));
    line.style.top = `${r * s.rowPx}px`;
    line.style.height = `${s.rowPx}px`;
    s.columns.forEach((c, i) => {
      const cell = make("div", `cell ${c.align ?? ""} ${r === this.row && i === this.column ? "active" : ""}`, "", line);
      cell.id = `${this.id}-${r}-${i}`;
      cell.dataset.at = `${r},${i}`;
      cell.setAttribute("role", i ? "gridcell" : "rowheader");
      cell.setAttribute("aria-colindex", String(i + 1));
      s.fill(cell, r, i);
      cell.title = s.name(r, i);
      if (c.spoken) cell.setAttribute("aria-label", cell.title);
    });
    return line;
  }

  private cell(r: number, c: number): HTMLElement | null { return this.body.querySelector(`[data-at="${r},${c}"]`); }

  private key(e: KeyboardEvent): void {
    const s = this.source;
    if (!s || !s.size || e.altKey || e.metaKey) return;
    const page = Math.max(1, Math.floor(this.scroll.clientHeight / s.rowPx) - 2), last = s.size - 1, end = s.columns.length - 1;
    const to: Record<string, [number, number]> = {
      ArrowUp: [this.row - 1, this.column], ArrowDown: [this.row + 1, this.column], ArrowLeft: [this.row, this.column - 1], ArrowRight: [this.row, this.column + 1],
      PageUp: [this.row - page, this.column], PageDown: [this.row + page, this.column],
      Home: e.ctrlKey ? [0, 0] : [this.row, 0], End: e.ctrlKey ? [last, end] : [this.row, end],
    };
    if (e.key === "Enter" || e.key === " ") s.pick(this.row, this.column);
    else if (e.key in to) {
      this.row = Math.max(0, Math.min(last, to[e.key][0]));
      this.column = Math.max(0, Math.min(end, to[e.key][1]));
      this.reveal();
    } else return;
    e.preventDefault();
    e.stopPropagation(); // JupyterLab has commands on these keys
  }

  /** Bring the active row into view. */
  private reveal(): void {
    const px = this.source?.rowPx ?? 1, head = this.head.offsetHeight, y = this.row * px;
    const seen = this.scroll.clientHeight - head;
    if (y < this.scroll.scrollTop) this.scroll.scrollTop = y;
    else if (y + px > this.scroll.scrollTop + seen) this.scroll.scrollTop = y + px - seen;
    this.draw(true);
  }
}
