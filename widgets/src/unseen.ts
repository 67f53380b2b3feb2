// Lanes that are not drawn: inside a folded one, or without anything that was searched for.
import type { Head } from "./types";

/** `found` says for each mark whether it matches (null: all are shown), `lane` on which lane it is. */
export function unseen(head: Head, folded: ReadonlySet<number>, found: Uint8Array | null, lane: ArrayLike<number>): Set<number> {
  const hidden = new Set<number>(), lanes = head.lanes;
  lanes.forEach(({ inner }, n) => { if (inner >= 0 && (folded.has(inner) || hidden.has(inner))) hidden.add(n); });
  if (!found) return hidden;
  const kept = new Set<number>();  // with all lanes around them
  for (let i = 0; i < found.length; i++) if (found[i]) for (let n = lane[i]; n >= 0; n = lanes[n].inner) kept.add(n);
  lanes.forEach(({ among }, n) => { if (!among.length && !kept.has(n)) hidden.add(n); });
  return hidden;
}
