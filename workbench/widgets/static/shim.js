// What a widget needs of a Jupyter model, for a page without a kernel: get, set, on, off, save_changes, send.
const bytes = (text) => {
  const raw = atob(text);
  return new DataView(Uint8Array.from(raw, (c) => c.charCodeAt(0)).buffer);
};
const data = JSON.parse(document.getElementById("data").textContent);
const source = document.getElementById("module").textContent;
const { default: widget } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
const draw = (el) => {
  const { state, details } = data[el.dataset.view];
  const heard = {};
  if (state.marks) state.marks = bytes(state.marks);
  const tell = (name, ...args) => (heard[name] ?? []).forEach((act) => act(...args));
  const model = {
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; tell(`change:${name}`); },
    save_changes() {},
    on: (name, act) => (heard[name] ??= []).push(act),
    off: (name, act) => { heard[name] = (heard[name] ?? []).filter((a) => a !== act); },
    send: ({ type, row }) => {
      if (type !== "detail" || !details[row]) return;
      queueMicrotask(() => tell("msg:custom", { type: "detail", row, detail: details[row] }, []));
    },
  };
  el.replaceChildren();
  widget.render({ model, el });
};
document.querySelectorAll("[data-view]").forEach(draw);
