/** The look of what is DOM; colours come as variables from the palette. */

export const CSS = `
:host { display: block; font: 12px/1.35 var(--jp-ui-font-family, system-ui, sans-serif); }
* { box-sizing: border-box; }
.wb { position: relative; color: var(--ink); background: var(--ground); border-radius: 6px; min-width: 300px; outline: none; }
.wb:focus-visible::after { content: ""; position: absolute; inset: 0; border: 2px solid var(--accent); border-radius: 6px; pointer-events: none; z-index: 4; }
button:focus-visible, input:focus-visible, .panel:focus-visible { outline: 2px solid var(--accent); }
.stage { position: relative; overflow: hidden; }
.stage canvas { position: absolute; inset: 0; display: block; }
.words { position: absolute; inset: 0; pointer-events: none; overflow: hidden; }
.words span, .words div { position: absolute; white-space: nowrap; unicode-bidi: isolate; }
.title, .subtitle, .lane, .name { overflow: hidden; text-overflow: ellipsis; }
.title { left: 24px; right: 24px; top: 14px; font-size: 15px; font-weight: 600; padding-right: 370px; }
.subtitle { left: 24px; right: 394px; top: 37px; color: var(--soft); }
.lane { left: 0; line-height: 14px; }
.lane { pointer-events: auto; cursor: default; }
.lane b { font-weight: 400; display: block; overflow: hidden; text-overflow: ellipsis; }
.lane i { font-style: normal; font-size: 10px; color: var(--soft); display: block; overflow: hidden; text-overflow: ellipsis; line-height: 12px; }
.fold { pointer-events: auto; position: static !important; border: 0; background: none; color: var(--soft); padding: 0 4px 0 0; font: inherit; cursor: pointer; }
.words > span, .verdict { left: 0; top: 0; }
[hidden] { display: none !important; }
.tick, .round { color: var(--soft); font-size: 11px; transform: translateX(-50%); }
.lane canvas { position: absolute; left: 0; top: 0; }
.key { display: flex; flex-wrap: wrap; gap: 4px 22px; padding: 0 24px 12px; color: var(--soft); font-size: 11px; }
.key > span { display: inline-flex; align-items: center; gap: 6px; max-width: 220px; } .key > span > span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; unicode-bidi: isolate; }
.said { font-weight: 600; font-size: 11px; overflow: hidden; text-overflow: ellipsis; text-shadow: 0 0 2px var(--ground), 0 0 2px var(--ground), 0 0 3px var(--ground); }
.tail { color: var(--soft); font-size: 11px; overflow: hidden; direction: rtl; text-align: right; transform: translateX(-100%); text-shadow: 0 0 2px var(--ground), 0 0 3px var(--ground); }
.tail bdi { direction: ltr; unicode-bidi: isolate; }
.verdict strong { display: block; font-size: 20px; line-height: 26px; font-weight: 600; overflow: hidden; text-overflow: ellipsis; }
.verdict em { display: block; font-style: normal; line-height: 16px; overflow: hidden; text-overflow: ellipsis; }
.float { transform: translateX(-50%); font-size: 11px; }
.bar { position: absolute; right: 16px; top: 12px; display: flex; gap: 4px; align-items: center; z-index: 2; }
.bar button { font: inherit; font-size: 11px; color: var(--ink); background: var(--ground); border: 1px solid var(--edge); border-radius: 4px; padding: 3px 7px; cursor: pointer; min-height: 24px; min-width: 24px; white-space: nowrap; }
.bar button[aria-pressed=true] { background: var(--ink); color: var(--ground); border-color: var(--ink); }
.bar button:hover { border-color: var(--ink); }
.bar button:disabled { opacity: .5; cursor: default; }
.bar input { font: inherit; font-size: 11px; width: 92px; color: var(--ink); background: var(--ground); border: 1px solid var(--edge); border-radius: 4px; padding: 3px 6px; min-height: 24px; }
.stop { border-color: var(--error) !important; color: var(--error) !important; font-weight: 600 !important; }
.tip { position: absolute; pointer-events: none; background: var(--ink); color: var(--ground); padding: 4px 8px; border-radius: 4px; font-size: 11px; max-width: 340px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; z-index: 3; }
.panel { border-top: 1px solid var(--line); padding: 14px 24px 18px; max-height: 420px; overflow: auto; overflow-wrap: anywhere; }
.panel h3 { margin: 0 28px 8px 0; font-size: 13px; font-weight: 600; unicode-bidi: isolate; }
.panel .shut { position: absolute; right: 20px; border: 0; background: none; color: var(--soft); font-size: 16px; cursor: pointer; min-width: 24px; min-height: 24px; }
.panel dl { display: flex; flex-wrap: wrap; gap: 4px 22px; margin: 0 0 10px; }
.panel dl div { display: flex; gap: 6px; } .panel dt { color: var(--soft); } .panel dd { margin: 0; unicode-bidi: isolate; }
.panel h4 { margin: 10px 0 3px; font-size: 11px; font-weight: 600; color: var(--soft); }
.panel pre { margin: 0; font: 12px/1.45 var(--jp-code-font-family, ui-monospace, monospace); white-space: pre-wrap; overflow-wrap: anywhere; max-height: 220px; overflow: auto; unicode-bidi: isolate; border-left: 2px solid var(--line); padding-left: 10px; }
.gone { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.status { display: flex; gap: 14px; align-items: center; padding: 0 24px 12px; color: var(--soft); }
.status progress { flex: 1; max-width: 260px; height: 6px; accent-color: var(--accent); }
@media (prefers-reduced-motion: no-preference) { .panel { animation: rise .12s ease-out; } @keyframes rise { from { opacity: 0; } } }
`;
