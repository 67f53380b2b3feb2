/** Elements with their text; text only ever goes in as text, cleaned of what could disturb its surroundings. */

const ANSI = /\x1b\[[0-9;?]*[ -/]*[@-~]/g;
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** Without colour codes, control characters and marks that change the direction of text. */
export const clean = (text: string): string => text.replace(ANSI, "").replace(UNSEEN, "");

export function make<K extends keyof HTMLElementTagNameMap>(tag: K, className = "", text = "", into?: Element): HTMLElementTagNameMap[K] {
  const el = document.createElement(tag);
  if (className) el.className = className;
  if (text) el.textContent = clean(text);
  into?.append(el);
  return el;
}
