/** Entry of TraceGraph and LiveRun: one picture of one trace. */

import { Picture } from "./picture";
import { settle } from "./settle";
import { Sync, type Model } from "./sync";
import type { Reading } from "./types";

export default {
  render({ model, el }: { model: Model; el: HTMLElement }): () => void {
    return settle(model, el, (host) => {
      const picture = new Picture(host, { select: (rows) => sync.select(rows), ask: (row) => sync.ask(row), stop: () => sync.stop() });
      const sync = new Sync(model, {
        frame: (head, columns) => picture.show(head, columns),
        detail: (row, detail) => picture.detail(row, detail),
        selected: (rows) => picture.mark(rows),
      });
      picture.options(sync.option<Reading>("by", "time"), sync.option("critical", false));
      sync.frame();
      return () => { sync.close(); picture.close(); };
    });
  },
};
