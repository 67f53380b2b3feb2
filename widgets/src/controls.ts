/** The toolbar: reading, critical path, zoom, search, and Stop while a run is under way. */

import { make } from "./dom";
import type { Live, Reading } from "./types";

export interface Actions { by(reading: Reading): void; critical(): void; zoom(factor: number): void; fit(): void; search(words: string): void; only(): void; stop(): void }

export class Controls {
  readonly el = make("div", "bar");
  readonly status = make("div", "status");
  private readonly time = this.button("time", "Read by time", () => this.act.by("time"));
  private readonly steps = this.button("steps", "Read by structure: equal steps", () => this.act.by("structure"));
  private readonly path = this.button("critical path", "Show the critical path", () => this.act.critical());
  private readonly found = this.button("only these", "only these: show only the threads that were found", () => this.act.only());
  private readonly halt = this.button("Stop", "Stop the run", () => { this.halt.disabled = true; this.act.stop(); });
  readonly search = make("input");

  constructor(private readonly act: Actions) {
    this.el.setAttribute("role", "toolbar");
    this.el.setAttribute("aria-label", "View");
    this.halt.classList.add("stop");
    this.search.type = "search";
    this.search.placeholder = "search";
    this.search.setAttribute("aria-label", "Search agents, answers, models and tools");
    this.search.oninput = () => act.search(this.search.value);
    this.el.append(this.halt, this.found, this.search, this.time, this.steps, this.path,
      this.button("−", "Zoom out", () => act.zoom(1 / 1.5)), this.button("+", "Zoom in", () => act.zoom(1.5)), this.button("fit", "fit: show everything", () => act.fit()));
    this.status.setAttribute("role", "status");
  }

  update(by: Reading, critical: boolean, only: boolean, live: Live | null | undefined): void {
    this.found.hidden = !only && !this.search.value.trim();
    this.found.setAttribute("aria-pressed", String(only));
    this.time.setAttribute("aria-pressed", String(by === "time"));
    this.steps.setAttribute("aria-pressed", String(by === "structure"));
    this.path.setAttribute("aria-pressed", String(critical));
    this.halt.hidden = !live || live.state === "ended" || !live.can_stop;
    this.halt.disabled = live?.state === "stopping";
    this.status.hidden = !live;
    if (!live) return;
    if (!this.status.childElementCount) { make("progress", "", "", this.status).setAttribute("aria-label", "Tasks done"); make("span", "", "", this.status); }
    const [progress, text] = [this.status.children[0] as HTMLProgressElement, this.status.children[1]];
    progress.max = Math.max(1, live.total);
    progress.value = live.done;
    const state = live.state === "stopping" ? "stopping" : live.state === "ended" ? "ended" : "";
    text.textContent = [`${live.done} of ${live.total} tasks`, live.spent, live.left, state, state ? "" : live.hint].filter(Boolean).join("  ·  ");
  }

  private button(text: string, label: string, act: () => void): HTMLButtonElement {
    const el = make("button", "", text);
    el.setAttribute("aria-label", label);
    el.title = label;
    el.onclick = act;
    return el;
  }
}
