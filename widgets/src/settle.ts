/** Where a picture lives: in its output, and when the output is drawn anew, in the new one as it was, with zoom and selection. */

import type { Model } from "./sync";

interface Lodger { host: HTMLElement; el: HTMLElement; focused: HTMLElement | null; close(): void }

/** By the model's layout, an object that each widget has of its own; a page without a kernel has none, and draws nothing anew. */
const lodgers = new WeakMap<object, Set<Lodger>>();

/** `make` draws into a host and gives what undoes it. JupyterLab draws an output again when its still arrives after it. */
export function settle(model: Model, el: HTMLElement, make: (host: HTMLElement) => () => void): () => void {
  const key = model.get("layout"), own = key && typeof key === "object" ? lodgers.get(key) ?? new Set<Lodger>() : new Set<Lodger>();
  if (key && typeof key === "object") lodgers.set(key, own);
  let lodger = [...own].find((one) => !one.el.parentElement);  // its output was wiped; one scrolled out of sight has a parent
  if (lodger) { lodger.el = el; el.append(lodger.host); refocus(lodger); }
  else {
    const host = document.createElement("div");
    el.append(host);
    lodger = { host, el, focused: null, close: make(host) };
    remember(lodger);
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

/** A browser takes the focus from what leaves the page, and tells nobody: what had it is known from before. */
function remember(lodger: Lodger): void {
  const inside = lodger.host.shadowRoot ?? lodger.host;
  inside.addEventListener("focusin", (e) => { lodger.focused = e.target as HTMLElement; });
  inside.addEventListener("focusout", () => { if (lodger.host.isConnected) lodger.focused = null; });
}

function refocus(lodger: Lodger): void {
  const last = lodger.focused;
  if (last) requestAnimationFrame(() => { if (document.activeElement === document.body) last.focus({ preventScroll: true }); });
}
