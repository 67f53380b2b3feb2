/** The look of boards. */

export const BOARD_CSS = `
:host { display: block; font: 12px/1.4 var(--jp-ui-font-family, system-ui, sans-serif); }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
.gone { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.wb { color: var(--ink); background: var(--ground); border-radius: 6px; padding: 18px 24px 20px; min-width: 300px; font-variant-numeric: tabular-nums; }
header { display: flex; flex-wrap: wrap; gap: 8px 24px; align-items: flex-start; margin-bottom: 14px; }
.titles { flex: 1 1 300px; min-width: 0; }
h2 { margin: 0; font-size: 15px; line-height: 20px; font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; unicode-bidi: isolate; }
h3 { margin: 22px 0 8px; font-size: 12px; font-weight: 600; unicode-bidi: isolate; overflow: hidden; text-overflow: ellipsis; }
p { margin: 2px 0 0; color: var(--soft); unicode-bidi: isolate; overflow-wrap: anywhere; }
.bar { display: flex; flex-wrap: wrap; gap: 6px 12px; align-items: center; }
.pick { display: inline-flex; gap: 6px; align-items: center; color: var(--soft); }
button, select, input, textarea { font: inherit; color: var(--ink); background: var(--ground); border: 1px solid var(--edge); border-radius: 4px; padding: 3px 8px; min-height: 26px; }
button { cursor: pointer; } button:hover, select:hover { border-color: var(--ink); } button:disabled { opacity: .5; cursor: default; }
button[aria-pressed=true] { background: var(--ink); color: var(--ground); border-color: var(--ink); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.grid { border-top: 1px solid var(--line); border-bottom: 1px solid var(--line); }
.top, .row { display: grid; grid-template-columns: var(--cols); column-gap: 6px; align-items: center; min-width: var(--least); }
.top { height: 28px; color: var(--soft); font-size: 11px; border-bottom: 1px solid var(--line); }
.scroll { overflow: auto; max-height: 420px; position: relative; }
.head { position: sticky; top: 0; background: var(--ground); z-index: 1; }
.row { position: absolute; left: 0; right: 0; cursor: pointer; border-radius: 4px; }
.row:hover { background: color-mix(in srgb, var(--ink) 5%, transparent); }
.row[aria-selected=true] { background: color-mix(in srgb, var(--accent) var(--tint), transparent); }
.cell { min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; padding: 0 4px; unicode-bidi: isolate; border-radius: 4px; }
.grid:focus-visible { outline: none; } .grid:focus-visible .active { outline: 2px solid var(--accent); outline-offset: -1px; }
.num { text-align: right; } .mid { text-align: center; } .soft { color: var(--soft); }
.cell small { display: block; font-size: 11px; color: var(--soft); overflow: hidden; text-overflow: ellipsis; }
.chip { display: block; min-height: 20px; border-radius: 4px; padding: 1px 6px; line-height: 18px; font-size: 11px; font-weight: 600; text-align: center; overflow: hidden; text-overflow: ellipsis; unicode-bidi: isolate; color: var(--ground); background: var(--c); }
.chip.lead { color: var(--accent); background: color-mix(in srgb, var(--accent) var(--tint), var(--ground)); }
[aria-selected=true] .chip.lead { background: var(--ground); }
.chip.quiet { background: none; color: var(--soft); box-shadow: inset 0 0 0 1px var(--none); font-weight: 400; }
.chip.lost { background: none; color: var(--error); box-shadow: inset 0 0 0 1px var(--error); }
.pairup { display: flex; gap: 6px; align-items: center; } .pairup .chip { flex: 0 1 auto; min-width: 44px; max-width: 100%; }
.no, .worse { color: var(--error); font-weight: 600; } .yes { color: var(--accent); font-weight: 600; }
.meter { display: flex; align-items: center; gap: 6px; } .meter i { flex: 1; height: 6px; border-radius: 3px; background: var(--line); overflow: hidden; }
.meter i b { display: block; height: 100%; background: var(--accent); border-radius: 3px; } .meter span { width: 34px; text-align: right; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 400; color: var(--soft); font-size: 11px; }
th, td { padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; max-width: 280px; overflow-wrap: anywhere; unicode-bidi: isolate; }
td.num, th.num { text-align: right; } tbody th { color: var(--ink); font-size: 12px; }
.tablebox { overflow-x: auto; }
mark { background: color-mix(in srgb, var(--accent) var(--tint), transparent); color: inherit; border-radius: 3px; padding: 0 3px; }
.key { display: flex; flex-wrap: wrap; gap: 4px 18px; color: var(--soft); font-size: 11px; margin-top: 8px; align-items: center; }
.key span { display: inline-flex; gap: 6px; align-items: center; } .key .chip { min-width: 22px; padding: 0 5px; line-height: 16px; min-height: 16px; }
.fork { margin-top: 18px; padding-top: 14px; border-top: 1px solid var(--line); display: grid; grid-template-columns: minmax(120px, 200px) 1fr auto; gap: 8px 12px; align-items: start; }
.fork p { grid-column: 1 / -1; margin: 0; } .fork textarea { width: 100%; resize: vertical; min-height: 58px; }
.fork .say { min-height: 18px; } .fork .go { background: var(--ink); color: var(--ground); border-color: var(--ink); }
@media (max-width: 620px) { .fork { grid-template-columns: 1fr; } }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(340px, 100%), 1fr)); gap: 10px 26px; }
svg { display: block; width: 100%; touch-action: none; user-select: none; overflow: visible; }
svg text { fill: var(--soft); font-size: 11px; } svg .name { fill: var(--ink); } svg .axis { stroke: var(--line); }
svg .bar1 { stroke: var(--none); stroke-width: 1.2; } svg .front { fill: none; stroke: var(--accent); stroke-width: 1.5; opacity: .55; }
svg .dot { fill: var(--ground); stroke: var(--none); stroke-width: 1.6; cursor: pointer; } svg .dot.on { fill: var(--accent); stroke: var(--accent); }
svg .off { opacity: .14; } svg .pick { fill: none; stroke: var(--ink); stroke-width: 2; } svg .best { fill: none; stroke: var(--accent); stroke-width: 2; }
svg .brush { fill: var(--accent); opacity: .12; } svg .halo { stroke: var(--ground); stroke-width: 3px; paint-order: stroke; font-weight: 600; }
svg:focus-visible { outline-offset: 4px; }
.axes { display: flex; flex-wrap: wrap; gap: 6px 20px; margin-bottom: 12px; } .axes > span { display: inline-flex; flex-wrap: wrap; gap: 4px; align-items: center; color: var(--soft); }
.axes button { font-size: 11px; min-height: 24px; padding: 1px 8px; border-radius: 12px; max-width: 180px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; unicode-bidi: isolate; }
.axes button[aria-pressed=false] { color: var(--soft); border-style: dashed; } .axes button[aria-pressed=true] { background: none; color: var(--ink); border-color: var(--ink); }
.reason { border-left: 3px solid var(--accent); padding: 2px 0 2px 12px; margin: 14px 0 4px; color: var(--ink); max-width: 90ch; }
@media (prefers-reduced-motion: no-preference) { .row, .dot { transition: background .12s, opacity .12s; } }
`;
