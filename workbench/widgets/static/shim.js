// What a widget needs of a Jupyter model, for a page without a kernel: get, set, on, off, save_changes, send.
const bytes = (text) => {
  const raw = atob(text);
  return new DataView(Uint8Array.from(raw, (c) => c.charCodeAt(0)).buffer);
};
const data = JSON.parse(document.getElementById("data").textContent);
const modules = {};
for (const el of document.querySelectorAll("script[data-module]")) {
  const url = URL.createObjectURL(new Blob([el.textContent], { type: "text/javascript" }));
  modules[el.dataset.module] = (await import(url)).default;
}
const draw = (el) => {
  const { state: saved, details, opens, module } = data[el.dataset.view];
  const heard = {};
  const state = { ...saved };
  if (state.marks) state.marks = bytes(state.marks);
  const tell = (name, ...args) => (heard[name] ?? []).forEach((act) => act(...args));
  const put = (values) => {
    Object.assign(state, values);
    for (const name of Object.keys(values)) tell(`change:${name}`);
  };
  const below = document.createElement("div");
  // the traces of a row, in place of those shown before
  const open = (key) => {
    const row = opens[key];
    if (!row) return;
    put(row.set);
    below.replaceChildren(row.left_out ? "Its traces are left out of this page; they are in the record." : "");
    for (const [title, view] of row.views) {
      const head = document.createElement("p");
      head.textContent = title;
      head.dataset.title = "";
      const place = document.createElement("div");
      place.dataset.view = view;
      below.append(head, place);
      draw(place);
    }
  };
  const model = {
    get: (name) => state[name],
    set: (name, value) => put({ [name]: value }),
    save_changes() {},
    on: (name, act) => (heard[name] ??= []).push(act),
    off: (name, act) => { heard[name] = (heard[name] ?? []).filter((a) => a !== act); },
    send: ({ type, row, keys, key }) => {
      if (type === "detail" && details[row]) queueMicrotask(() => tell("msg:custom", { type: "detail", row, detail: details[row] }, []));
      if (!opens) return;
      if (type === "select") { put({ chosen: keys }); open(keys[0]); }
      if (type === "open") open(`${state.chosen[0]}\n${key}`);
    },
  };
  el.replaceChildren();
  modules[module ?? "trace"].render({ model, el });
  el.append(below);
};
document.querySelectorAll("[data-view]").forEach(draw);
