/** Messages to and from the kernel; the same small protocol runs in a page without one. */

import { unpack, type Columns, type Detail, type Head } from "./types";

/** What we use of an anywidget model; workbench/widgets/page.py's shim gives the same. */
export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  on(event: string, act: (...args: never[]) => void): void;
  off(event: string, act?: (...args: never[]) => void): void;
  send(content: unknown): void;
}

type Message = { type: string; row?: number; detail?: Detail; head?: Head; error?: string };

export interface Handlers { frame(head: Head, columns: Columns): void; detail(row: number, detail: Detail): void; selected(rows: number[]): void }

/** Everything the front end sets goes by message: of traitlets set during an awaited cell only the first arrives. */
export class Sync {
  private readonly undo: (() => void)[] = [];

  constructor(private readonly model: Model, private readonly to: Handlers) {
    this.listen("msg:custom", ((message: Message, buffers: DataView[]) => {
      if (message.type === "detail" && message.detail && message.row !== undefined) to.detail(message.row, message.detail);
      if (message.type === "frame" && message.head) to.frame(message.head, unpack(message.head.columns, buffers[0] ?? null));
    }) as (...args: never[]) => void);
    this.listen("change:head", () => this.frame());
    this.listen("change:selected_rows", () => to.selected(this.rows()));
  }

  /** Draw what the model holds now. */
  frame(): void {
    const head = this.model.get("head") as Head;
    if (head?.lanes) this.to.frame(head, unpack(head.columns, this.model.get("marks") as DataView));
    this.to.selected(this.rows());
  }

  select(rows: number[]): void { this.model.send({ type: "select", rows }); }
  ask(row: number): void { this.model.send({ type: "detail", row }); }
  stop(): void { this.model.send({ type: "stop" }); }
  rows(): number[] { return (this.model.get("selected_rows") as number[] | undefined) ?? []; }
  option<T>(name: string, otherwise: T): T { return (this.model.get(name) as T | undefined) ?? otherwise; }

  close(): void { for (const act of this.undo) act(); }

  private listen(event: string, act: (...args: never[]) => void): void {
    this.model.on(event, act);
    this.undo.push(() => this.model.off(event, act));
  }
}
