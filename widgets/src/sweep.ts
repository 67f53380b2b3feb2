/** Entry of SweepExplorer: the Pareto front, brushed by what was varied; a point lists its tasks, a task opens its trace. */

import { Board, button, judged, type Common } from "./board";
import { make } from "./dom";
import { Grid, type Column } from "./grid";
import { Scatter, short, type Point } from "./scatter";
import type { Model } from "./sync";
import { settle } from "./settle";

interface Choice { key: string; name: string; accuracy: number; low: number; high: number; values: (number | null)[]; front: boolean; chance: number; best: boolean; settings: Record<string, string> }
interface Task { key: string; task: string; answer: string | null; right: boolean | null; words: string; lost: boolean }
interface Data extends Common { choices: Choice[]; costs: { title: string; unit: string }[]; axes: { name: string; values: string[] }[]; reason: string; best: string | null }

class Explorer {
  private readonly board: Board<Data>;
  private readonly table = new Grid("Choices", 260);
  private readonly list = new Grid("Tasks of the selected choice", 300);
  private readonly below = make("div");
  private plots: Scatter[] = [];
  private off = new Map<string, Set<string>>();
  private brushed: Set<string> | null = null;
  private task = "";
  private clear: HTMLButtonElement | null = null;

  constructor(model: Model, el: HTMLElement) {
    this.board = new Board<Data>(model, el);
    this.build();
    this.board.on("change:data", () => this.build());
    this.board.on("change:chosen", () => this.show());
    this.board.on("change:tasks", () => this.tasks());
  }

  close(): void { this.board.close(); }

  private build(): void {
    const { board } = this, { data } = board;
    board.colour();
    board.root.replaceChildren();
    const bar = board.header();
    this.clear = button("show all", () => { this.off.clear(); this.brushed = null; this.build(); this.tell(); }, bar);
    board.root.append(this.axes(data));
    const plots = make("div", "plots", "", board.root);
    const acts = { pick: (key: string) => this.pick(key), brush: (keys: string[] | null) => { this.brushed = keys?.length ? new Set(keys) : null; this.show(); this.tell(); }, hover: (key: string | null) => this.board.say(data.choices.find((c) => c.key === key)?.name ?? "") };
    this.plots = data.costs.map((cost) => new Scatter(cost, acts));
    for (const plot of this.plots) plots.append(plot.el);
    if (data.reason) make("p", "reason", data.reason, board.root);
    make("h3", "", "Choices", board.root);
    board.root.append(this.table.el, this.below);
    this.show();
    this.tasks();
    board.root.dataset.drawn = "";
  }

  private axes(data: Data): HTMLElement {
    const box = make("div", "axes");
    for (const axis of data.axes) {
      const line = make("span", "", "", box);
      make("span", "", axis.name, line);
      for (const value of axis.values) {
        const off = this.off.get(axis.name) ?? new Set<string>();
        this.off.set(axis.name, off);
        const chip = button(value, () => { if (!off.delete(value)) off.add(value); chip.setAttribute("aria-pressed", String(!off.has(value))); this.show(); this.tell(); }, line, `${axis.name} ${value}`);
        chip.setAttribute("aria-pressed", String(!off.has(value)));
      }
    }
    return box;
  }

  private seen(): Choice[] {
    return this.board.data.choices.filter((c) => (!this.brushed || this.brushed.has(c.key)) && [...this.off].every(([axis, off]) => !off.has(c.settings[axis])));
  }

  private tell(): void {
    const keys = this.seen().map((c) => c.key);
    this.board.send({ type: "brush", keys });
    this.board.say(`${keys.length} of ${this.board.data.choices.length} choices`);
  }

  private pick(key: string): void { this.board.send({ type: "select", keys: [key], column: -1 }); this.board.say(`selected ${key}`); }

  private show(): void {
    const { data, chosen } = this.board, seen = this.seen(), keys = new Set(seen.map((c) => c.key));
    if (this.clear) this.clear.disabled = seen.length === data.choices.length;
    this.plots.forEach((plot, i) => plot.show(data.choices.map((c): Point => ({ key: c.key, x: c.values[i] ?? NaN, y: c.accuracy, low: c.low, high: c.high, front: c.front, best: c.best, name: describe(c, data) })), keys, chosen));
    const columns: Column[] = [{ title: "choice", width: "minmax(150px, 2fr)", least: 150 }, { title: "accuracy, 95 % interval", width: "minmax(130px, 1fr)", least: 130, align: "num" },
      ...data.costs.map((c) => ({ title: c.title, width: "minmax(80px, .7fr)", least: 80, align: "num" as const })), { title: "on the front", width: "minmax(120px, .8fr)", least: 120, align: "num" }];
    const n = data.costs.length;
    this.table.show({
      columns, size: seen.length, rowPx: 28,
      fill: (cell, r, c) => {
        const x = seen[r];
        if (c === 0) { if (x.best) make("span", "yes", "◎ ", cell); cell.append(make("span", "", x.name)); }
        else if (c === 1) { make("span", "", `${pc(x.accuracy)} `, cell); make("span", "soft", `${pc(x.low)}–${pc(x.high)}`, cell); }
        else if (c <= n + 1) cell.textContent = x.values[c - 2] === null ? "–" : short(x.values[c - 2] as number, data.costs[c - 2].unit);
        else if (x.front) make("span", "yes", `yes, ${pc(x.chance)}`, cell);
        else make("span", "soft", x.chance > 0.005 ? `no, ${pc(x.chance)}` : "no", cell);
      },
      name: (r, c) => (c === 0 ? describe(seen[r], data) : c === n + 2 ? `on the Pareto front in ${pc(seen[r].chance)} of resamples of the tasks` : `${columns[c].title} of ${seen[r].name}`),
      selected: (r) => chosen.includes(seen[r].key),
      pick: (r) => this.pick(seen[r].key),
    });
  }

  private tasks(): void {
    const tasks = this.board.state<Task[]>("tasks") ?? [];
    this.below.replaceChildren();
    if (!tasks.length) return;
    make("h3", "", `Tasks of ${this.board.chosen[0] ?? "the choice"}`, this.below);
    this.below.append(this.list.el);
    this.list.show({
      columns: [{ title: "task", width: "minmax(140px, 2fr)", least: 140 }, { title: "answer", width: "minmax(90px, 1fr)", least: 90 }, { title: "", width: "minmax(120px, 1fr)", least: 120, align: "num" }],
      size: tasks.length, rowPx: 28,
      fill: (cell, r, c) => {
        const t = tasks[r];
        if (c === 0) cell.textContent = t.task;
        else if (c === 2) { cell.textContent = t.words; cell.classList.add("soft"); }
        else { judged(cell, t.right); make("span", t.lost ? "no" : "", t.lost ? "failed" : t.answer ?? "–", cell); }
      },
      name: (r, c) => { const t = tasks[r]; return c === 0 ? t.task : c === 1 ? `${t.answer ?? "no answer"}${t.right === null ? "" : t.right ? ", right" : ", wrong"}` : t.words; },
      selected: (r) => tasks[r].key === this.task,
      pick: (r) => { this.task = tasks[r].key; this.list.refresh(); this.board.send({ type: "open", key: this.task }); this.board.say(`opened ${tasks[r].task}`); },
    });
  }
}

const pc = (x: number): string => `${Math.round(x * 1000) / 10}%`;

function describe(c: Choice, data: Data): string {
  const costs = data.costs.map((cost, i) => (c.values[i] === null ? "" : `, ${cost.title} ${short(c.values[i] as number, cost.unit)}`)).join("");
  return `${c.name}: accuracy ${pc(c.accuracy)} (${pc(c.low)} to ${pc(c.high)})${costs}${c.front ? ", on the Pareto front" : ""}${c.best ? ", recommended" : ""}`;
}

export default {
  render({ model, el }: { model: Model; el: HTMLElement }): () => void {
    return settle(model, el, (host) => {
      const made = new Explorer(model, host);
      return () => made.close();
    });
  },
};
