/**
 * A report as one HTML page that holds all it needs and asks nobody for anything: its policy (Content Security Policy
 * Level 3) allows the two scripts in it, by their hashes, and forbids every request. Pure: the same document and
 * library give the same page.
 */
import { createHash } from 'node:crypto'
import { renderSection } from './charts.ts'
import type { ReportDocument } from './document.ts'
import { Html, html } from './html.ts'
import { renderMap } from './map.ts'
import { dataId, drawPage } from './page-script.ts'
import type { PlotLibrary } from './plot-library.ts'
import { formatQuantity } from './quantity.ts'
import { style } from './style.ts'

export function renderReport ({ title, summary, command, facts, sections, map }: ReportDocument, library: PlotLibrary): string {
  const scripts = [library.script, drawCall].map(asScript)
  const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; script-src ${scripts.map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`).join(' ')}`
  return html`${new Html('<!doctype html>')}
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${new Html(library.style.replaceAll('</', '<\\/'))}${new Html(style)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p>${summary}</p>
<code class="command">${command}</code>
<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
<noscript><p>The charts are drawn by a script, which does not run here; the figures stand under each of them.</p></noscript>
${map === undefined ? undefined : renderMap(map)}
${sections.map(renderSection)}
</main>
<script type="application/json" id="${dataId}">${asData(sections)}</script>
${scripts.map((script) => html`<script>${new Html(script)}</script>
`)}</body>
</html>
`.text
}

/** The functions as their own text: this program is their only source, and its types are gone when it runs. */
const drawCall = `(${drawPage.toString()})(uPlot, window, JSON.parse(document.getElementById('${dataId}').textContent), ${formatQuantity.toString()})`

/** Nothing within may end the element; in a script that can only be a string or a comment. */
function asScript (text: string): string { return text.replaceAll(/<(?=\/script|!--)/gi, '\\x3c') }

function asData (value: unknown): Html { return new Html(JSON.stringify(value).replaceAll('<', '\\u003c')) }
