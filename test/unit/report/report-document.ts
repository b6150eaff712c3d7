/** A document with everything that a report can show, and names that would break out of a careless page. */
import type { ReportDocument } from '../../../netsim/report/document.ts'

export const evil = '</script><script>window.broken = true</script>"\'&<!--'

export const small: ReportDocument = {
  title: 'A small run',
  summary: 'All went well.',
  command: 'netsim swarm --seed 7',
  facts: [['seed', '7'], ['hits', '90 %']],
  map: {
    title: 'Regions and links',
    regions: [
      { name: 'tokyo', edges: 3, place: { latitude: 35.68, longitude: 139.69 } },
      { name: 'san-francisco', edges: 1, place: { latitude: 37.77, longitude: -122.42 }, facts: [['requests', '12']] }
    ],
    links: [{ from: 'tokyo', to: 'san-francisco', rttMs: 110, bytes: 2_048 }],
    backdrop: [{ latitude: 51.5, longitude: -0.1 }]
  },
  sections: [{
    title: 'Under load',
    axis: { kind: 'time', label: 'the start' },
    marks: [{ atSeconds: 10, forSeconds: 5, text: 'tokyo cut off' }, { atSeconds: 40, forSeconds: 0, text: 'a violation' }],
    charts: [
      { title: 'Hits', unit: '%', upTo: 100, x: Array.from({ length: 90 }, (_, at) => at + 1), lines: [{ name: 'hit', values: Array.from({ length: 90 }, (_, at) => at === 30 ? null : 50 + at / 3) }] },
      { title: 'Latency', unit: 'ms', logarithmic: true, x: [1, 30, 60], lines: [{ name: 'p50', values: [3, 0, 5] }, { name: 'p99', values: [30, 900, 2_500] }] }
    ]
  }, {
    title: 'Growth',
    axis: { kind: 'sizes', label: 'number of edges' },
    marks: [],
    charts: [{ title: 'Memory', unit: 'B', x: [50, 100, 200], lines: [{ name: 'resident', values: [9e6, 10e6, 12e6] }] }]
  }]
}
