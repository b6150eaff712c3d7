/**
 * How the demo looks: on a terminal one line says how far it is and is written over, elsewhere (a log,
 * continuous integration) plain lines come when there is news.
 */
import type { DemoEdge, DemoEvent, Trial } from '../../netsim/demo.ts'
import type { Traffic } from '../../netsim/traffic.ts'
import type { Clock } from '../../protocols/clock.ts'
import { tableStyle } from '../command.ts'
import { type OutputStream, StatusLine } from '../status-line.ts'
import { type Column, formatTable } from '../table.ts'
import { formatBytes, formatCount, formatDuration } from '../units.ts'

export const demoViewDefaults = Object.freeze({
  /** Between two plain lines about a forming mesh, ms. */
  formingIntervalMs: 1_000,
  /** Between two plain lines that say "idle", ms. */
  idleIntervalMs: 10_000,
  /** Lines of traffic until the headings come again. */
  headingLines: 20
})

const edgeColumns: readonly Column<DemoEdge>[] = [
  { heading: 'EDGE', value: ({ name }) => name },
  { heading: 'REGION', value: ({ region }) => region },
  { heading: 'HTTP', value: ({ http }) => http },
  { heading: 'ADMIN', value: ({ admin }) => admin },
  { heading: 'PID', value: ({ pid }) => String(pid), align: 'right' }
]

const trafficColumns: readonly (readonly [heading: string, value: (traffic: Traffic) => string])[] = [
  ['requests', ({ requests }) => formatCount(requests)],
  ['hits', ({ hits }) => formatCount(hits)],
  ['peer fetches', ({ peerFetches }) => formatCount(peerFetches)],
  ['origin fetches', ({ originFetches }) => formatCount(originFetches)],
  ['   served', ({ servedBytes }) => formatBytes(servedBytes)],
  ['from peers', ({ peerBytes }) => formatBytes(peerBytes)],
  ['from origin', ({ originBytes }) => formatBytes(originBytes)]
]

const remarks: Readonly<Record<Trial['shows'], string>> = {
  miss: 'a miss: Cache-Status says fwd=uri-miss and detail=origin, as nobody had it',
  hit: 'a hit on the same edge: Cache-Status says hit',
  'peer hit': 'a peer hit on another edge: fwd=uri-miss and detail=peer, the origin hears nothing of it'
}

export class DemoView {
  readonly #line: StatusLine
  readonly #clock: Clock
  #formed = ''
  #formedMs = -Infinity
  #idleSinceMs: number | undefined
  #idleToldMs = 0
  /** Lines of traffic since the headings. */
  #rows = 0

  constructor (stream: OutputStream, clock: Clock) {
    this.#line = new StatusLine(stream)
    this.#clock = clock
  }

  event (event: DemoEvent): void {
    switch (event.kind) {
      case 'forming': { this.#forming(event); break }
      case 'port-in-use': { this.#line.print(`port ${event.wanted} is in use: ${event.edge} serves on ${event.taken}\n`); break }
      case 'ended': { this.#line.print(`${event.program} ended ${event.end}${event.lastWords}\n`); break }
    }
  }

  whole (edges: readonly DemoEdge[], originUrl: string, trials: readonly Trial[]): void {
    const { bold = String } = tableStyle()
    const first = trials[0]!
    const { admin } = edges.find(({ name }) => name === first.edge)!
    this.#line.print([
      formatTable(edgeColumns, [{ rows: edges }], tableStyle()),
      `origin: ${originUrl}/ lists what there is\n`,
      '',
      `${bold('Worth trying')}, in this order:\n`,
      ...trials.map(({ shows, url, edge }) => `  ${remarks[shows]} (${edge})\n  curl -so /dev/null -D- ${url}\n`),
      `  where that is now, who knows of it, and what a request would do\n  npx node bin/colony.js --admin ${admin} explain ${first.url}\n`,
      `  the whole colony, live (q quits)\n  npx node bin/colony.js --admin ${admin} top\n`,
      `A slow origin: ${first.url.replace(/[^/]*$/, '')}large/10mib.bin?delay=3000. Ctrl-C ends the demo.\n`,
      ''
    ].map((part) => part === '' ? '\n' : part).join(''))
  }

  /** @param done since the look before */
  traffic (done: Traffic): void {
    this.#idleSinceMs = undefined
    if (this.#rows++ % demoViewDefaults.headingLines === 0) {
      const { bold = String } = tableStyle()
      this.#line.print(`${bold(['    time', ...trafficColumns.map(([heading]) => heading)].join('  '))}\n`)
    }
    const cells = trafficColumns.map(([heading, value]) => value(done).padStart(heading.length))
    this.#line.print(`${[this.#time(), ...cells].join('  ')}\n`)
  }

  idle (): void {
    const nowMs = this.#clock.nowMs()
    if (this.#idleSinceMs === undefined) this.#idleSinceMs = this.#idleToldMs = nowMs
    const forMs = Math.floor((nowMs - this.#idleSinceMs) / 1000) * 1000
    if (this.#line.visible) this.#line.show(`${this.#time()}  idle${forMs === 0 ? '' : ` for ${formatDuration(forMs)}`}`)
    else if (nowMs - this.#idleToldMs >= demoViewDefaults.idleIntervalMs) {
      this.#idleToldMs = nowMs
      this.#line.print(`${this.#time()}  idle\n`)
    }
  }

  stopping (reason: string): void {
    this.#line.print(`stopping (${reason})\n`)
    this.#line.show('edges finish what they are sending; once more ends them at once')
  }

  end (): void {
    this.#line.clear()
  }

  #forming ({ edges, up, membersKnown }: Extract<DemoEvent, { kind: 'forming' }>): void {
    const text = `${up} of ${edges} edges up, ${Math.floor(100 * membersKnown / edges ** 2)} % of the members known to all`
    const nowMs = this.#clock.nowMs()
    if (this.#line.visible) this.#line.show(text)
    else if (text !== this.#formed && nowMs - this.#formedMs >= demoViewDefaults.formingIntervalMs) {
      this.#formed = text
      this.#formedMs = nowMs
      this.#line.print(`${text}\n`)
    }
  }

  #time (): string {
    return new Date(this.#clock.wallMs()).toTimeString().slice(0, 8)
  }
}
