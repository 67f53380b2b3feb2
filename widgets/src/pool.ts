/** Elements that stay from frame to frame: asked for in order, changed only where something differs, hidden where nobody asked. */

import { make } from "./dom";

interface Seen { el: HTMLElement; text: string; x: number; y: number; room: number; colour: string; hidden: boolean }

export class Pool {
  private readonly all: Seen[] = [];
  private used = 0;

  constructor(private readonly into: Element, private readonly name: string, private readonly inner: "" | "bdi" = "") {}

  start(): void { this.used = 0; }

  next(text: string, x: number, y: number, room = -1, colour = ""): void {
    const seen = this.all[this.used++] ?? this.grow();
    if (seen.hidden) { seen.el.hidden = false; seen.hidden = false; }
    if (seen.text !== text) { const at = this.inner ? seen.el.firstElementChild! : seen.el; at.replaceChildren(); at.append(text); seen.text = text; }
    if (seen.x !== x || seen.y !== y) { seen.el.style.translate = `${x}px ${y}px`; seen.x = x; seen.y = y; }
    if (seen.room !== room) { seen.el.style.maxWidth = room < 0 ? "" : `${room}px`; seen.room = room; }
    if (seen.colour !== colour) { seen.el.style.color = colour; seen.colour = colour; }
  }

  end(): void {
    for (let i = this.used; i < this.all.length; i++) if (!this.all[i].hidden) { this.all[i].el.hidden = true; this.all[i].hidden = true; }
  }

  private grow(): Seen {
    const el = make("span", this.name, "", this.into);
    if (this.inner) make(this.inner, "", "", el);
    const seen = { el, text: "", x: NaN, y: NaN, room: -1, colour: "", hidden: false };
    this.all.push(seen);
    return seen;
  }
}
