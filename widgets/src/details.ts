/** The panel of a selected span: what was asked, said, thought and decided, and what it cost. */

import { clean, make } from "./dom";
import type { Detail } from "./types";

const FIRST_CHARS = 20_000;

export class Details {
  readonly el = make("section", "panel");
  constructor(private readonly shut: () => void) {
    this.el.hidden = true;
    this.el.tabIndex = 0;
    this.el.setAttribute("aria-label", "Selected span");
  }

  hide(): void { this.el.hidden = true; }

  wait(): void { this.el.hidden = false; this.el.replaceChildren(make("h3", "", "…")); }

  show(detail: Detail): void {
    const close = make("button", "shut", "×");
    close.setAttribute("aria-label", "Close");
    close.onclick = this.shut;
    const facts = make("dl");
    for (const [name, value] of detail.facts) { const row = make("div", "", "", facts); make("dt", "", name, row); make("dd", "", value, row); }
    const parts: HTMLElement[] = [close, make("h3", "", detail.title), facts];
    for (const [kind, why] of detail.decisions) { parts.push(make("h4", "", `decision: ${kind}`), make("pre", "", why)); }
    for (const [name, text] of detail.texts) parts.push(make("h4", "", name), this.text(text));
    this.el.replaceChildren(...parts);
    this.el.hidden = false;
  }

  /** Long texts are shown in part, the rest on demand: a browser should not lay out ten megabytes at once. */
  private text(text: string): HTMLElement {
    const pre = make("pre");
    pre.tabIndex = 0;
    const more = (to: number): void => {
      pre.textContent = clean(text.slice(0, to));
      if (to >= text.length) return;
      const button = make("button", "", `… ${(text.length - to).toLocaleString()} more characters`, pre);
      button.onclick = () => more(to * 4);
    };
    more(FIRST_CHARS);
    return pre;
  }
}
