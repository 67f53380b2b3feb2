/** Board: what Compare, Disagreement and SweepExplorer have in common: a shadow root, colours as variables, messages. */

import { BOARD_CSS } from "./boardstyles";
import { make } from "./dom";
import type { Model } from "./sync";
import { isDark, onThemeChange, paletteOf } from "./theme";
import type { Head, Palette } from "./types";

/** What every board's data carries. */
export interface Common { palettes: { light: Palette; dark: Palette }; title: string; subtitle: string; description: string }

type Act = (...args: never[]) => void;

export class Board<D extends Common> {
  readonly root = make("div", "wb");
  private readonly said = make("div", "gone");
  private readonly undo: (() => void)[] = [];

  constructor(private readonly model: Model, private readonly host: HTMLElement) {
    const shadow = this.host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(BOARD_CSS);
    shadow.adoptedStyleSheets = [sheet];
    this.root.setAttribute("role", "group");
    this.said.setAttribute("aria-live", "polite");
    shadow.append(this.root, this.said);
    this.undo.push(onThemeChange(() => this.colour()));
  }

  get data(): D { return this.model.get("data") as D; }
  get chosen(): string[] { return (this.model.get("chosen") as string[] | undefined) ?? []; }
  state<T>(name: string): T | undefined { return this.model.get(name) as T | undefined; }

  /** Colours of the theme as variables; text on an answer's colour is written in the ground's. */
  colour(): void {
    const c = paletteOf(this.data as unknown as Head, this.host);
    const names: Record<string, string> = { ground: c.ground, ink: c.ink, soft: c.soft, line: c.line, edge: c.none, none: c.none, error: c.error, accent: c.answers[0] };
    c.answers.forEach((colour, i) => (names[`a${i}`] = colour));
    for (const [name, value] of Object.entries(names)) this.root.style.setProperty(`--${name}`, value);
    this.root.style.setProperty("--tint", isDark(this.host) ? "22%" : "11%");
  }

  say(text: string): void { this.said.textContent = text; }
  send(content: { type: string; [name: string]: unknown }): void { this.model.send(content); }

  on(event: string, act: (value: never) => void): void {
    this.model.on(event, act as Act);
    this.undo.push(() => this.model.off(event, act as Act));
  }

  keep(undo: () => void): void { this.undo.push(undo); }
  close(): void { for (const act of this.undo) act(); }

  /** Title, subtitle and a place for controls. */
  header(into: HTMLElement = this.root): HTMLElement {
    const { title, subtitle, description } = this.data;
    this.root.setAttribute("aria-label", description);
    const head = make("header", "", "", into);
    const words = make("div", "titles", "", head);
    make("h2", "", title, words);
    make("p", "", subtitle, words);
    return make("div", "bar", "", head);
  }
}

/** The colour variable of an answer group; those beyond the palette share grey. */
export const groupColour = (group: number): string => (group < 0 ? "var(--none)" : group < 5 ? `var(--a${group})` : "var(--soft)");

/** An answer in its group's colour: the leading one pale, so that those that differ stand out; silent and lost ones outlined. */
export function chip(into: Element, text: string, group: number, state: "said" | "silent" | "lost"): void {
  const kind = state === "lost" ? "lost" : state === "silent" || group < 0 ? "quiet" : group === 0 ? "lead" : "";
  const made = make("span", `chip ${kind}`, text, into);
  if (!kind) made.style.setProperty("--c", groupColour(group));
}

/** Right or wrong, as a sign and as a word. */
export function judged(into: Element, right: boolean | null): void {
  if (right === null) return;
  make("span", right ? "yes" : "no", right ? "✓ " : "✗ ", into).setAttribute("aria-hidden", "true");
  make("span", "gone", right ? "right " : "wrong ", into);
}

export function button(text: string, act: () => void, into?: HTMLElement, name = ""): HTMLButtonElement {
  const made = make("button", "", text, into);
  made.type = "button";
  made.onclick = act;
  if (name) made.setAttribute("aria-label", name);
  return made;
}

export function choice(label: string, options: [string, string][], act: (value: string) => void, into: HTMLElement): HTMLSelectElement {
  const wrap = make("label", "pick", "", into);
  make("span", "", label, wrap);
  const made = make("select", "", "", wrap);
  for (const [value, text] of options) make("option", "", text, made).value = value;
  made.onchange = () => act(made.value);
  return made;
}
