/** Entry of Disagreement: agents × tasks, coloured by answer group; a cell opens its trace. */

import { Board, chip, choice, judged, type Common } from "./board";
import { make } from "./dom";
import { Grid, type Column } from "./grid";
import type { Model } from "./sync";
import { settle } from "./settle";

interface Cell { group: number; answer: string | null; state: "said" | "silent" | "lost" }
interface Row { key: string; task: string; prompt: string; answer: string | null; target: string | null; right: boolean | null; support: number; look: string; rank: number; cells: Cell[] }
interface Data extends Common { agents: string[]; rows: Row[]; looks: string[] }

const LETTERS = "ABCDE";
const SORTS: Record<string, (a: Row, b: Row) => number> = {
  agreement: (a, b) => a.support - b.support,
  look: (a, b) => a.rank - b.rank || a.support - b.support,
  task: () => 0,
};

class Matrix {
  private readonly board: Board<Data>;
  private readonly grid = new Grid("Agents by tasks");
  private rows: Row[] = [];
  private sort = "agreement";
  private look = "";
  private cell = -1;

  constructor(model: Model, el: HTMLElement) {
    this.board = new Board<Data>(model, el);
    this.build();
    this.board.on("change:data", () => this.build());
    this.board.on("change:chosen", () => { this.grid.refresh(); });
  }

  close(): void { this.board.close(); }

  private build(): void {
    const { board } = this, { data } = board;
    board.colour();
    board.root.replaceChildren();
    const bar = board.header();
    choice("sort by", [["agreement", "agreement, least first"], ["look", "what to look at first"], ["task", "order of the tasks"]], (v) => { this.sort = v; this.show(); }, bar).value = this.sort;
    choice("show", [["", "all tasks"], ...data.looks.map((l) => [l, l] as [string, string])], (v) => { this.look = v; this.show(); }, bar).value = this.look;
    board.root.append(this.grid.el, this.legend(data));
    this.show();
    board.root.dataset.drawn = "";
  }

  private show(): void {
    const { data } = this.board, many = data.agents.length > 6;
    this.rows = data.rows.filter((r) => !this.look || r.look === this.look).sort(SORTS[this.sort]);
    const agents: Column[] = data.agents.map((name, i) => ({ title: many ? String(i + 1) : name, name, width: many ? "30px" : "minmax(64px, 1fr)", least: many ? 30 : 64, align: "mid", spoken: true }));
    const columns: Column[] = [{ title: "task", width: "minmax(140px, 2fr)", least: 140 }, ...agents,
      { title: "agreement", width: "110px", least: 110 }, { title: "answer", width: "minmax(70px, .8fr)", least: 70, align: "mid" }, { title: "to look at", width: "120px", least: 120 }];
    const n = data.agents.length;
    this.grid.show({
      columns, size: this.rows.length, rowPx: 28,
      fill: (cell, r, c) => this.fill(cell, this.rows[r], c, n, many),
      name: (r, c) => this.name(this.rows[r], c, n),
      selected: (r) => this.board.chosen.includes(this.rows[r].key),
      pick: (r, c) => { this.cell = c >= 1 && c <= n ? c - 1 : -1; this.board.send({ type: "select", keys: [this.rows[r].key], column: this.cell }); this.board.say(this.name(this.rows[r], c, n)); },
    });
    this.board.say(`${this.rows.length} of ${data.rows.length} tasks`);
  }

  private fill(cell: HTMLElement, row: Row, c: number, n: number, many: boolean): void {
    if (c === 0) cell.textContent = row.task;
    else if (c <= n) put(cell, row.cells[c - 1], many);
    else if (c === n + 1) {
      const meter = make("div", "meter", "", cell);
      make("b", "", "", make("i", "", "", meter)).style.width = `${row.support * 100}%`;
      make("span", "", `${Math.round(row.support * 100)}%`, meter);
    } else if (c === n + 2) cell.append(verdict(row));
    else { cell.textContent = row.look; cell.classList.toggle("soft", row.look === "agreed"); }
  }

  private name(row: Row, c: number, n: number): string {
    if (c === 0) return `${row.task}${row.prompt && row.prompt !== row.task ? `: ${row.prompt}` : ""}`.slice(0, 400);
    if (c <= n) { const cell = row.cells[c - 1]; return `${this.board.data.agents[c - 1]}: ${cell.state === "said" ? (n > 6 ? `${LETTERS[cell.group] ?? "·"}, ${cell.answer}` : cell.answer) : cell.state === "lost" ? "× failed" : "– no answer"}`; }
    if (c === n + 1) return `${Math.round(row.support * 100)}% behind one answer`;
    if (c === n + 2) return `${row.answer ?? "no answer"}${row.right === null ? "" : row.right ? ", right" : `, wrong${row.target ? `: it is ${row.target}` : ""}`}`;
    return row.look;
  }

  private legend(data: Data): HTMLElement {
    const key = make("div", "key");
    const add = (cell: Cell, text: string): void => { const item = make("span", "", "", key); const box = make("b", "", "", item); put(box, cell, true); make("span", "", text, item); };
    add({ group: 0, answer: "", state: "said" }, "the leading answer");
    add({ group: 1, answer: "", state: "said" }, "another");
    add({ group: 2, answer: "", state: "said" }, "a third");
    if (data.rows.some((r) => r.cells.some((c) => c.state === "silent"))) add({ group: -1, answer: null, state: "silent" }, "no answer");
    if (data.rows.some((r) => r.cells.some((c) => c.state === "lost"))) add({ group: -1, answer: null, state: "lost" }, "failed");
    return key;
  }
}

function put(into: HTMLElement, cell: Cell, small: boolean): void {
  const text = cell.state === "said" ? (small ? LETTERS[cell.group] ?? "·" : cell.answer || "") : cell.state === "lost" ? "×" : "–";
  chip(into, text, cell.group, cell.state);
}

function verdict(row: Row): HTMLElement {
  const out = make("span", "");
  judged(out, row.right);
  make("span", "", row.answer ?? "–", out);
  return out;
}

export default {
  render({ model, el }: { model: Model; el: HTMLElement }): () => void {
    return settle(model, el, (host) => {
      const made = new Matrix(model, host);
      return () => made.close();
    });
  },
};
