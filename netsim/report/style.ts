/** How the page looks: light and dark by the reader's system, one column that a telephone holds, light on paper. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #fff; --raised: #f6f7f9; --text: #1b1f24; --quiet: #5b6571; --grid: #e3e7eb; --border: #d5dae0;
  --mark: rgba(213, 94, 0, .13); --mark-edge: #b84a00;
  --line-0: #0067a8; --line-1: #c85200; --line-2: #00845f; --line-3: #a8518a; --line-4: #8a6d00; --line-5: #4b4fb5; --line-6: #7a4a2b; --line-7: #555;
  --near: #00845f; --middle: #b98300; --far: #c0392b; --plain: #5b6571;
}
@media (prefers-color-scheme: dark) {
  :root:not(.print) {
    --ground: #14181d; --raised: #1c2229; --text: #e6eaee; --quiet: #9aa6b2; --grid: #2a323b; --border: #38424d;
    --mark: rgba(255, 140, 66, .17); --mark-edge: #ff9a57;
    --line-0: #5ab4f0; --line-1: #ff9248; --line-2: #3fcf9f; --line-3: #eb94cc; --line-4: #e8c547; --line-5: #a3a6ff; --line-6: #d8a27f; --line-7: #b8b8b8;
    --near: #3fcf9f; --middle: #e8c547; --far: #ff7b6b; --plain: #9aa6b2;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 24px 20px 64px; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 1.2rem; margin: 40px 0 4px; }
h3 { font-size: 1rem; margin: 0; }
p { margin: 4px 0 12px; }
.quiet, figcaption, caption { color: var(--quiet); font-size: .875rem; }
code { font: .85rem/1.5 ui-monospace, monospace; }
.command { display: block; padding: 10px 12px; background: var(--raised); border: 1px solid var(--border); border-radius: 6px; overflow-wrap: anywhere; user-select: all; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 10px 20px; margin: 20px 0 0; }
.facts div { border-top: 1px solid var(--border); padding-top: 6px; min-width: 0; }
.facts dt { color: var(--quiet); font-size: .8125rem; }
.facts dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.heading { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: baseline; justify-content: space-between; }
button { font: inherit; font-size: .875rem; color: inherit; background: var(--raised); border: 1px solid var(--border); border-radius: 6px; padding: 2px 10px; cursor: pointer; }
figure { margin: 20px 0 0; }
.chart { margin-top: 6px; min-height: 190px; }
.legend { min-height: 28px; }
.u-legend { font: .8125rem/1.5 system-ui, sans-serif; text-align: left; margin: 0; }
.u-legend th, .u-legend td { font-variant-numeric: tabular-nums; }
.u-hz .u-cursor-x, .u-hz .u-cursor-y, .u-vt .u-cursor-x, .u-vt .u-cursor-y { border-color: var(--quiet); }
.u-select { background: color-mix(in srgb, var(--line-0) 20%, transparent); }
.note { position: absolute; left: 8px; bottom: 8px; max-width: calc(100% - 16px); padding: 2px 8px; background: var(--ground); border: 1px solid var(--mark-edge); border-radius: 4px; font-size: .8125rem; pointer-events: none; z-index: 101; }
.note[hidden] { display: none; }
.marks { margin: 8px 0 0; padding: 0; list-style: none; font-size: .875rem; columns: 2 380px; column-gap: 24px; }
.marks li { break-inside: avoid; padding-left: 2.2em; text-indent: -2.2em; }
.marks b { display: inline-block; min-width: 1.7em; margin-right: .5em; padding: 0 4px; text-indent: 0; text-align: center; font-weight: 600; background: var(--mark); border-left: 2px solid var(--mark-edge); }
details { margin-top: 4px; font-size: .875rem; }
summary { color: var(--quiet); cursor: pointer; }
.scroll { overflow-x: auto; }
table.figures { border-collapse: collapse; font-variant-numeric: tabular-nums; margin-top: 6px; }
.figures caption { text-align: left; caption-side: top; }
.figures th, .figures td { padding: 2px 12px 2px 0; text-align: right; border-bottom: 1px solid var(--grid); white-space: nowrap; }
.figures tr > :first-child { text-align: left; }
.map { display: block; width: 100%; min-width: 640px; height: auto; margin-top: 6px; background: var(--raised); border: 1px solid var(--border); border-radius: 6px; }
.map.round { min-width: 0; max-width: 720px; }
.map text { font: 11px system-ui, sans-serif; fill: var(--text); paint-order: stroke; stroke: var(--raised); stroke-width: 3px; stroke-linejoin: round; }
.map.round text { font-size: 14px; }
.map .scale { fill: var(--quiet); font-size: 10px; }
.map .graticule { fill: none; stroke: var(--border); stroke-width: .5; }
.map .backdrop { fill: var(--quiet); opacity: .35; }
.map .link { fill: none; stroke-linecap: round; opacity: .6; }
.map .link:hover { opacity: 1; }
.map .region { fill: var(--line-0); stroke: var(--raised); stroke-width: 1.5; }
.near { stroke: var(--near); } .middle { stroke: var(--middle); } .far { stroke: var(--far); } .plain { stroke: var(--plain); }
.keys { display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 6px 0 0; }
.keys svg { width: 26px; height: 8px; vertical-align: middle; margin-right: 6px; stroke-width: 3; }
@media (max-width: 500px) { .map:not(.round) { min-width: 860px; } .map.round text { font-size: 24px; } body { padding: 16px 12px 48px; } h1 { font-size: 1.3rem; } .facts { grid-template-columns: repeat(auto-fill, minmax(140px, 1fr)); } }
@media print {
  body { max-width: 720px; padding: 0; }
  figure, .facts div { break-inside: avoid; }
  h2, .heading { break-after: avoid; }
  button, details:not([open]), .u-legend .u-value, .u-legend tr:first-child { display: none; }
}
`
