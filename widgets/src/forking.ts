/** The form of fork and rerun: what of the selected call is to be another, and the button. */

import { button } from "./board";
import { make } from "./dom";

/** The call that is selected in one of the traces below; empty where none is. */
export interface Target { title?: string; model?: string; prompt?: string; answer?: string; why_not?: string }

const WHATS: [keyof Target & ("model" | "prompt" | "answer"), string][] = [["answer", "its answer"], ["prompt", "its prompt"], ["model", "its model"]];

export class Forking {
  readonly el = make("form", "fork");
  private readonly title = make("p");
  private readonly what = make("select");
  private readonly value = make("textarea");
  private readonly go: HTMLButtonElement;
  private readonly said = make("p", "say");
  private target: Target = {};

  constructor(submit: (what: string, value: string) => void) {
    this.what.setAttribute("aria-label", "What to change");
    this.value.setAttribute("aria-label", "The new value");
    this.value.rows = 3;
    for (const [value, text] of WHATS) make("option", "", text, this.what).value = value;
    this.what.onchange = () => this.fill();
    this.go = button("Fork and rerun", () => submit(this.what.value, this.value.value));
    this.go.className = "go";
    this.said.setAttribute("role", "status");
    this.el.onsubmit = (e) => e.preventDefault();
    this.el.onkeydown = (e) => { e.stopPropagation(); if (e.key === "Enter" && e.ctrlKey && !this.go.disabled) { e.preventDefault(); this.go.click(); } };
    this.el.append(this.title, this.what, this.value, this.go, this.said);
  }

  show(target: Target, state: { busy?: boolean; text?: string; error?: boolean }): void {
    const other = target.title !== this.target.title;
    this.target = target;
    this.el.hidden = !target.title && !state.text;
    this.title.replaceChildren(make("b", "", "Fork "), make("span", "", target.title ?? ""));
    for (const el of [this.what, this.value, this.go]) el.hidden = !target.title || !!target.why_not;
    this.go.disabled = !!state.busy;
    this.said.className = state.error ? "say no" : "say";
    this.said.textContent = target.why_not ?? state.text ?? "";
    if (other) this.fill();
  }

  private fill(): void { this.value.value = this.target[this.what.value as "model" | "prompt" | "answer"] ?? ""; }
}
