/** Entry of SweepGrid: a square per cell of a sweep, coloured by its state; a click opens its notebook. */

import { clean, make } from "./dom";
import { settle } from "./settle";
import type { Model } from "./sync";
import { isDark, onThemeChange } from "./theme";

type Cell = [label: string, row: number, column: number, path: string | null];
type Colours = Record<string, string>;
interface Table { title: string; across: string; rows: string[]; columns: string[]; cells: Cell[]; states: Record<string, string>; palettes: Record<string, Colours> }
interface Now { states: string; words: string; errors: Record<string, string>; can_stop: boolean }

const CSS = `
:host { display: block; font: 12px/1.35 var(--jp-ui-font-family, system-ui, sans-serif); }
* { box-sizing: border-box; }
.sg { color: var(--ink); background: var(--ground); padding: 12px 24px; border-radius: 6px; overflow: hidden; }
header { display: flex; gap: 16px; align-items: start; }
h3 { margin: 0; font-size: 15px; font-weight: 600; }
p { margin: 2px 0 10px; color: var(--soft); min-height: 16px; }
header > div { flex: 1; min-width: 0; overflow-wrap: anywhere; }
button { font: inherit; color: var(--ink); background: none; border: 1px solid var(--soft); border-radius: 4px; padding: 3px 12px; cursor: pointer; }
.grid { display: grid; gap: var(--gap); overflow: auto; max-height: 420px; padding: 3px; justify-content: start; }
.grid span { color: var(--soft); font-size: 11px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; unicode-bidi: isolate; }
.grid .column { text-align: center; font-size: 10px; } .grid .row { text-align: right; padding-right: 8px; align-self: center; max-width: 220px; }
a { display: grid; place-items: center; width: var(--size); height: var(--size); border-radius: 20%; background: var(--line); color: var(--ground);
    text-decoration: none; font-weight: 700; line-height: 1; font-size: calc(var(--size) * .6); }
a[data-state="r"] { outline: 2px solid var(--busy); outline-offset: -2px; }
a[data-state="d"] { background: var(--accent); } a[data-state="o"] { background: var(--accent); opacity: .55; } a[data-state="f"] { background: var(--error); }
a[data-state="f"]::after { content: "×"; }
a:focus-visible, button:focus-visible { outline: 2px solid var(--ink); outline-offset: 1px; }
@media (prefers-reduced-motion: no-preference) { a[data-state="r"] { animation: busy 1.4s ease-in-out infinite alternate; } @keyframes busy { to { background: var(--busy); } } }
.key { display: flex; flex-wrap: wrap; gap: 4px 18px; margin-top: 10px; color: var(--soft); }
.key i { font-style: normal; display: inline-flex; gap: 6px; align-items: center; --size: 12px; }
.said { min-height: 17px; margin-top: 6px; color: var(--soft); overflow-wrap: anywhere; }
`;

/** The address of a notebook on this JupyterLab, or nothing where the page is no JupyterLab. */
function address(path: string): string {
  const config = document.getElementById("jupyter-config-data")?.textContent;
  if (!config) return "";
  const base = String((JSON.parse(config) as { baseUrl?: string }).baseUrl ?? "/");
  return `${base.endsWith("/") ? base : `${base}/`}lab/tree/${path.split("/").map(encodeURIComponent).join("/")}`;
}

class Grid {
  private readonly squares: HTMLAnchorElement[] = [];
  private readonly box: HTMLElement;
  private readonly words: HTMLElement;
  private readonly said: HTMLElement;
  private readonly key: HTMLElement;
  private readonly stop: HTMLButtonElement;
  private shown = "";

  constructor(host: HTMLElement, private readonly table: Table, stop: () => void) {
    const root = host.attachShadow({ mode: "open" });
    make("style", "", "", root as unknown as Element).textContent = CSS;
    this.box = make("div", "sg", "", root as unknown as Element);
    const head = make("header", "", "", this.box);
    const text = make("div", "", "", head);
    make("h3", "", table.title, text);
    this.words = make("p", "", "", text);
    this.words.setAttribute("role", "status");
    this.stop = make("button", "", "Stop", head);
    this.stop.setAttribute("aria-label", "Stop the sweep");
    this.stop.onclick = stop;
    this.draw(make("div", "grid", "", this.box));
    this.key = make("div", "key", "", this.box);
    this.said = make("div", "said", "", this.box);
    this.theme();
  }

  private draw(grid: HTMLElement): void {
    const { rows, columns, cells } = this.table;
    const size = Math.max(7, Math.min(24, Math.floor(900 / Math.max(1, columns.length)) - 3));
    grid.style.setProperty("--size", `${size}px`);
    grid.style.setProperty("--gap", size < 12 ? "1px" : "3px");
    grid.style.gridTemplateColumns = `minmax(0, max-content) repeat(${columns.length}, var(--size))`;
    const place = (el: HTMLElement, row: number, column: number): void => { el.style.gridArea = `${row} / ${column}`; };
    if (size >= 14) place(make("span", "row", this.table.across, grid), 1, 1);
    if (size >= 14) columns.forEach((name, i) => { const el = make("span", "column", name, grid); el.title = clean(name); place(el, 1, i + 2); });
    if (size >= 10) rows.forEach((name, i) => { const el = make("span", "row", name, grid); el.title = clean(name); place(el, i + 2, 1); });
    for (const [label, row, column, path] of cells) {
      const square = make("a", "", "", grid);
      place(square, row + 2, column + 2);
      const to = path === null ? "" : address(path);
      if (to) { square.href = to; square.target = "_blank"; square.rel = "noopener"; }
      else square.tabIndex = 0;
      square.onmouseenter = square.onfocus = () => { this.said.textContent = square.title; };
      square.setAttribute("aria-label", clean(label));
      this.squares.push(square);
    }
  }

  show(now: Now): void {
    this.words.textContent = clean(now.words);
    this.stop.hidden = !now.can_stop;
    this.stop.style.display = now.can_stop ? "" : "none";
    const names = this.table.states;
    const count: Record<string, number> = {};
    for (let i = 0; i < this.squares.length; i++) {
      const state = now.states[i] ?? ".";
      count[state] = (count[state] ?? 0) + 1;
      if (state === this.shown[i] && this.shown) continue;
      const square = this.squares[i], why = now.errors[String(i)];
      square.dataset.state = state;
      square.title = `${clean(this.table.cells[i][0])}: ${names[state]}${why ? ` · ${clean(why)}` : ""}`;
      square.setAttribute("aria-label", square.title);
    }
    this.shown = now.states;
    this.key.replaceChildren();
    for (const [letter, name] of Object.entries(names)) {
      if (!count[letter]) continue;
      const entry = make("i", "", "", this.key);
      make("a", "", "", entry).dataset.state = letter;
      entry.append(`${name} ${count[letter]}`);
    }
    this.box.dataset.drawn = String(this.squares.length);
  }

  theme(): void {
    const dark = isDark(this.box.getRootNode() instanceof ShadowRoot ? (this.box.getRootNode() as ShadowRoot).host : this.box);
    for (const [name, colour] of Object.entries(this.table.palettes[dark ? "dark" : "light"])) this.box.style.setProperty(`--${name}`, colour);
  }
}

export default {
  render({ model, el }: { model: Model; el: HTMLElement }): () => void {
    return settle(model, el, (host) => {
      const grid = new Grid(host, model.get("table") as Table, () => model.send({ type: "stop" }));
      const show = (): void => grid.show(model.get("now") as Now);
      model.on("change:now", show);
      const undo = onThemeChange(() => grid.theme());
      show();
      return () => { model.off("change:now", show); undo(); };
    });
  },
};
