/** Light or dark: what JupyterLab's page is, else what the system says; tells when it changes. */

import type { Head, Palette } from "./types";

export function isDark(el: Element): boolean {
  const body = document.body;
  const said = body.getAttribute("data-jp-theme-light");
  if (said) return said === "false";
  if (body.classList.contains("vscode-dark") || body.classList.contains("theme-dark")) return true;
  const own = getComputedStyle(el).getPropertyValue("--jp-layout-color0").trim();
  const rgb = luminance(own);
  return rgb === null ? matchMedia("(prefers-color-scheme: dark)").matches : rgb < 0.4;
}

function luminance(colour: string): number | null {
  const hex = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(colour)?.[1];
  const full = hex?.length === 3 ? [...hex].map((c) => c + c).join("") : hex;
  const parts = full ? [0, 2, 4].map((i) => parseInt(full.slice(i, i + 2), 16)) : colour.match(/\d+(\.\d+)?/g)?.slice(0, 3).map(Number);
  if (colour === "white") return 1;
  return parts?.length === 3 ? (0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]) / 255 : null;
}

export function paletteOf(head: Head, el: Element): Palette {
  const dark = isDark(el);
  const found = { ...(dark ? head.palettes.dark : head.palettes.light) };
  const ground = getComputedStyle(el).getPropertyValue("--jp-layout-color0").trim();
  if (ground && luminance(ground) !== null) found.ground = ground;
  return found;
}

export function onThemeChange(act: () => void): () => void {
  const media = matchMedia("(prefers-color-scheme: dark)");
  const watch = new MutationObserver(act);
  watch.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class"] });
  media.addEventListener("change", act);
  return () => { watch.disconnect(); media.removeEventListener("change", act); };
}
