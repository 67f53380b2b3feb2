/** Keyboard, wheel and pointer, turned into actions; a page around the picture scrolls as ever. */

export interface Moves {
  step(dx: number, dy: number): void; open(): void; leave(): void; zoomAt(factor: number, x: number): void; pan(dx: number, dy: number): boolean;
  fit(): void; hover(x: number, y: number): void; out(): void; pick(x: number, y: number): void; toggle(what: "critical" | "structure"): void; search(): void; thread(): void; fold(): void;
}

const ARROWS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function listen(root: HTMLElement, stage: HTMLElement, act: Moves): void {
  root.addEventListener("keydown", (e) => {
    const from = e.composedPath()[0] as HTMLElement;
    if (from.tagName === "INPUT") { if (e.key === "Escape") root.focus(); e.stopPropagation(); return; }
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const arrow = ARROWS[e.key];
    if (from.tagName === "PRE" && arrow) return;
    if (arrow) e.shiftKey ? act.pan(arrow[0] * 60, arrow[1] * 40) : act.step(...arrow);
    else if (e.key === "Enter" && from === root) act.open();
    else if (e.key === "Escape") act.leave();
    else if (e.key === "+" || e.key === "=") act.zoomAt(1.5, NaN);
    else if (e.key === "-") act.zoomAt(1 / 1.5, NaN);
    else if (e.key === "0") act.fit();
    else if (e.key === "c") act.toggle("critical");
    else if (e.key === "s") act.toggle("structure");
    else if (e.key === "z") act.thread();
    else if (e.key === "f") act.fold();
    else if (e.key === "/") act.search();
    else return;
    e.preventDefault();
    e.stopPropagation();  // JupyterLab's own commands (c copies a cell) must not hear it
  });

  stage.addEventListener("wheel", (e) => {
    const x = e.clientX - stage.getBoundingClientRect().left;
    if (e.ctrlKey || e.metaKey) act.zoomAt(Math.exp(-e.deltaY * 0.004), x);
    else if (!act.pan(e.shiftKey ? e.deltaY : e.deltaX, e.shiftKey ? 0 : e.deltaY)) return;
    e.preventDefault();
  }, { passive: false });

  let from: [number, number] | null = null, moved = false;
  stage.addEventListener("pointerdown", (e) => { if (e.button === 0 && !(e.target as Element).closest("button,input")) { from = [e.clientX, e.clientY]; moved = false; } });
  stage.addEventListener("pointermove", (e) => {
    const box = stage.getBoundingClientRect();
    if (!from) { act.hover(e.clientX - box.left, e.clientY - box.top); return; }
    const dx = from[0] - e.clientX, dy = from[1] - e.clientY;
    if (!moved && Math.hypot(dx, dy) < 4) return;
    if (!moved) { moved = true; stage.setPointerCapture(e.pointerId); act.out(); }
    act.pan(dx, dy);
    from = [e.clientX, e.clientY];
  });
  stage.addEventListener("pointerup", (e) => {
    const box = stage.getBoundingClientRect();
    // a drag, too, leaves the keys with the picture, also where the page (Notebook 7) takes the focus on a click
    if (from) setTimeout(() => root.focus({ preventScroll: true }));
    if (from && !moved) act.pick(e.clientX - box.left, e.clientY - box.top);
    from = null;
  });
  stage.addEventListener("pointerleave", () => act.out());
  stage.addEventListener("dblclick", (e) => act.zoomAt(2, e.clientX - stage.getBoundingClientRect().left));
}
