/** Where a picture lives: in its output, and when the output is drawn anew, in the new one as it was, with zoom and selection. */

import type { Model } from "./sync";

interface Lodger { host: HTMLElement; el: HTMLElement; close(): void }

/** By the model's layout, an object that each widget has of its own; a page without a kernel has none, and draws nothing anew. */
const lodgers = new WeakMap<object, Set<Lodger>>();

/** `make` draws into a host and gives what undoes it. JupyterLab draws an output again when its still arrives after it. */
export function settle(model: Model, el: HTMLElement, make: (host: HTMLElement) => () => void): () => void {
  const key = model.get("layout"), own = key && typeof key === "object" ? lodgers.get(key) ?? new Set<Lodger>() : new Set<Lodger>();
  if (key && typeof key === "object") lodgers.set(key, own);
  let lodger = [...own].find((one) => !one.el.parentElement);  // its output was wiped; one scrolled out of sight has a parent
  if (lodger) { lodger.el = el; el.append(lodger.host); }
  else {
    const host = document.createElement("div");
    el.append(host);
    lodger = { host, el, close: make(host) };
    own.add(lodger);
  }
  const mine = lodger;
  return () => {
    if (mine.el !== el) return;  // it has moved on
    own.delete(mine);
    mine.close();
    mine.host.remove();
  };
}
