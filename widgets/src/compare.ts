/** Entry of Compare: runs side by side, task by task, what differs marked; one call of a trace changed and run again. */

import { Board, button, chip, judged, type Common } from "./board";
import { make } from "./dom";
import { Forking, type Target } from "./forking";
import { Grid, type Column } from "./grid";
import type { Model } from "./sync";
import { settle } from "./settle";

interface Side { answer: string | null; group: number; right: boolean | null; lost: boolean; words: string; there: boolean; differs: boolean }
interface Row { key: string; task: string; prompt: string; target: string | null; differs: string[]; sides: Side[] }
interface Thread { label: string; mark: string; sides: { answer: string | null; group: number; words: string; there: boolean }[] }
interface Data extends Common { runs: { name: string; note: string }[]; facts: { name: string; values: string[]; better: (boolean | null)[] }[]; rows: Row[] }

class Compare {
  private readonly board: Board<Data>;
  private readonly grid = new Grid("Tasks by runs", 360);
  private readonly threads = make("div");
  private readonly forking: Forking;
  private rows: Row[] = [];
  private only = false;

  constructor(model: Model, el: HTMLElement) {
    this.board = new Board<Data>(model, el);
    this.forking = new Forking((what, value) => this.board.send({ type: "fork", what, value }));
    this.build();
    this.board.on("change:data", () => this.build());
    this.board.on("change:chosen", () => this.grid.refresh());
    this.board.on("change:threads", () => this.diff());
    this.board.on("change:target", () => this.fork());
    this.board.on("change:forking", () => this.fork());
  }

  close(): void { this.board.close(); }

  private build(): void {
    const { board } = this;
    board.colour();
    board.root.replaceChildren();
    const bar = board.header();
    const differ = board.data.rows.filter((r) => r.differs.length).length;
    const toggle = button(`only the ${differ} that differ`, () => { this.only = !this.only; toggle.setAttribute("aria-pressed", String(this.only)); this.show(); }, bar);
    toggle.setAttribute("aria-pressed", String(this.only));
    toggle.hidden = board.data.rows.length < 2 || !differ;
    board.root.append(facts(board.data), make("h3", "", board.data.rows.length > 1 ? "Task by task" : ""), this.grid.el, this.threads, this.forking.el);
    this.show();
    this.diff();
    this.fork();
    board.root.dataset.drawn = "";
  }

  private show(): void {
    const { data } = this.board;
    this.rows = data.rows.filter((r) => !this.only || r.differs.length);
    const columns: Column[] = [{ title: "task", width: "minmax(120px, 1.4fr)", least: 120 },
      ...data.runs.map((r) => ({ title: r.name, name: r.name, width: "minmax(150px, 1.2fr)", least: 150 })), { title: "what differs", width: "minmax(140px, .9fr)", least: 140 }];
    const n = data.runs.length;
    this.grid.show({
      columns, size: this.rows.length, rowPx: 46,
      fill: (cell, r, c) => fill(cell, this.rows[r], c, n),
      name: (r, c) => name(this.rows[r], c, data),
      selected: (r) => this.board.chosen.includes(this.rows[r].key),
      pick: (r, c) => { this.board.send({ type: "select", keys: [this.rows[r].key], column: -1 }); this.board.say(name(this.rows[r], c, data)); },
    });
    this.board.say(`${this.rows.length} of ${data.rows.length} tasks`);
  }

  /** The threads of the chosen task, aligned. */
  private diff(): void {
    const threads = this.board.state<Thread[]>("threads") ?? [];
    this.threads.replaceChildren();
    if (!threads.length) return;
    const changed = threads.filter((t) => t.mark).length;
    make("h3", "", `Threads of ${this.board.chosen[0] ?? "the trace"}: ${changed ? `${changed} of ${threads.length} differ` : "none differs"}`, this.threads);
    const table = make("table", "", "", make("div", "tablebox", "", this.threads));
    const top = make("tr", "", "", make("thead", "", "", table));
    for (const title of ["thread", ...this.board.data.runs.map((r) => r.name), ""]) make("th", "", title, top).scope = "col";
    const body = make("tbody", "", "", table);
    for (const thread of threads.slice(0, 200)) {
      const line = make("tr", "", "", body);
      make("th", "", thread.label, line).scope = "row";
      for (const side of thread.sides) {
        const cell = make("td", "", "", line);
        if (!side.there) { make("span", "soft", "–", cell).setAttribute("aria-label", "not there"); continue; }
        const box = make("div", "pairup", "", cell);
        answerChip(box, side.answer, side.group, false);
        make("span", "soft", side.words, box);
      }
      const last = make("td", "", "", line);
      if (thread.mark) make("mark", "", thread.mark, last);
    }
    if (threads.length > 200) make("p", "", `${threads.length - 200} more threads`, this.threads);
  }

  private fork(): void {
    this.forking.show(this.board.state<Target>("target") ?? {}, this.board.state<{ busy?: boolean; text?: string; error?: boolean }>("forking") ?? {});
  }
}

function facts(data: Data): HTMLElement {
  const box = make("div", "tablebox"), table = make("table", "", "", box);
  const top = make("tr", "", "", make("thead", "", "", table));
  make("th", "", "", top).scope = "col";
  for (const run of data.runs) { const cell = make("th", "", run.name, top); cell.scope = "col"; if (run.note) { make("br", "", "", cell); make("span", "", run.note, cell); } }
  const body = make("tbody", "", "", table);
  for (const fact of data.facts) {
    const line = make("tr", "", "", body);
    make("th", "", fact.name, line).scope = "row";
    fact.values.forEach((value, i) => make("td", fact.better[i] === null ? "" : fact.better[i] ? "yes" : "worse", value, line));
  }
  return box;
}

function fill(cell: HTMLElement, row: Row, c: number, n: number): void {
  if (c === 0) { cell.textContent = row.task; if (row.prompt && row.prompt !== row.task) make("small", "", row.prompt, cell); return; }
  if (c > n) { if (row.differs.length) make("mark", "", row.differs.join(", "), cell); else { cell.textContent = "nothing"; cell.classList.add("soft"); } return; }
  const side = row.sides[c - 1];
  if (!side.there) { cell.textContent = "not run"; cell.classList.add("soft"); return; }
  const box = make("div", "pairup", "", cell);
  judged(box, side.right);
  answerChip(box, side.answer, side.group, side.lost);
  make("small", "", side.words, cell);
}

function answerChip(into: HTMLElement, answer: string | null, group: number, lost: boolean): void {
  chip(into, lost ? "failed" : answer ?? "–", group, lost ? "lost" : answer === null ? "silent" : "said");
}

function name(row: Row, c: number, data: Data): string {
  if (c === 0) return `${row.task}: ${row.prompt}`.slice(0, 400);
  if (c > data.runs.length) return row.differs.length ? `differs: ${row.differs.join(", ")}` : "nothing differs";
  const side = row.sides[c - 1];
  if (!side.there) return `${data.runs[c - 1].name}: not run`;
  return `${data.runs[c - 1].name}: ${side.lost ? "failed" : side.answer ?? "no answer"}${side.right === null ? "" : side.right ? ", right" : ", wrong"}, ${side.words}`;
}

export default {
  render({ model, el }: { model: Model; el: HTMLElement }): () => void {
    return settle(model, el, (host) => {
      const made = new Compare(model, host);
      return () => made.close();
    });
  },
};
