/** Names and contents of the metrics, and that edges of one process do not share them. */
import { register } from 'prom-client'
import { afterEach, describe, expect, it } from 'vitest'
import { createMetrics, type Metrics } from '../../daemon/metrics.ts'

const open: Metrics[] = []

function create (): Metrics {
  const metrics = createMetrics()
  open.push(metrics)
  return metrics
}

afterEach(() => { for (const metrics of open.splice(0)) metrics.close() })

describe('metrics', () => {
  it('are named by part, noun and unit, counters with _total', async () => {
    const metrics = create()
    metrics.counter('fetch', 'body', 'bytes', 'Bytes.', ['source']).inc({ source: 'peer' }, 5)
    metrics.counter('http', 'requests', '', 'Requests.').inc()
    metrics.gauge('peer-http', 'pool', 'connections', 'Connections.').set(2)
    metrics.histogram('http', 'response', 'seconds', 'Time.').observe(0.002)
    const text = await metrics.text()
    expect(text).toContain('colony_fetch_body_bytes_total{source="peer"} 5\n')
    expect(text).toContain('colony_http_requests_total 1\n')
    expect(text).toContain('colony_peer_http_pool_connections 2\n')
    expect(text).toContain('colony_http_response_seconds_bucket{le="0.001"} 0\n')
    expect(text).toContain('colony_http_response_seconds_bucket{le="0.0025"} 1\n')
    expect(metrics.contentType).toContain('text/plain')
  })

  it('collect a gauge when they are read', async () => {
    const metrics = create()
    let objects = 1
    metrics.gauge('store', 'objects', '', 'Objects.', [], (gauge) => { gauge.set(objects) })
    expect(await metrics.text()).toContain('colony_store_objects 1\n')
    objects = 2
    expect(await metrics.text()).toContain('colony_store_objects 2\n')
  })

  it('tell resident memory and the delay of the event loop', async () => {
    const text = await create().text()
    expect(Number(/^colony_process_resident_memory_bytes (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(1e6)
    for (const quantile of ['0.5', '0.99', '1']) {
      expect(text).toMatch(new RegExp(`^colony_process_event_loop_delay_seconds\\{quantile="${quantile}"\\} [0-9.e-]+$`, 'm'))
    }
  })

  it('refuse the same name twice', () => {
    const metrics = create()
    metrics.counter('a', 'b', '', 'B.')
    expect(() => metrics.counter('a', 'b', '', 'B.')).toThrow('already been registered')
  })

  it('collect a counter from what another part has counted, each time anew', async () => {
    const metrics = create()
    let bytes = 5
    metrics.counter('mesh', '', 'bytes', 'Bytes.', ['part'], (counter) => { counter.inc({ part: 'dht' }, bytes) })
    expect(await metrics.text()).toContain('colony_mesh_bytes_total{part="dht"} 5\n')
    bytes = 7
    expect(await metrics.text()).toContain('colony_mesh_bytes_total{part="dht"} 7\n')
  })

  it('are apart for two edges of one process, libp2p\'s among them, in whichever order they come', async () => {
    const first = create()
    first.counter('http', 'requests', '', 'Requests.').inc(3)
    first.node.registerCounter('libp2p_test').increment()
    const second = create()
    const counter = second.node.registerCounter('libp2p_test')
    second.counter('http', 'requests', '', 'Requests.').inc(4)
    counter.increment()
    counter.increment()
    expect(await first.text()).toMatch(/^colony_http_requests_total 3$(.|\n)*^libp2p_test 1$/m)
    expect(await second.text()).toMatch(/^colony_http_requests_total 4$(.|\n)*^libp2p_test 2$/m)
    expect(await register.metrics()).toBe('\n')
  })
})

describe('libp2p\'s metrics', () => {
  it('are gauges and counters with at most one label, whose values are escaped', async () => {
    const { node } = create()
    node.registerMetric('a-size').update(3)
    const group = node.registerCounterGroup('errors', { label: 'kind' })
    group.increment({ 'a "b"\\\n': true, c: 2 })
    group.increment({ c: true })
    expect(await node.text()).toBe('# TYPE a_size gauge\na_size 3\n# TYPE errors counter\nerrors{kind="a \\"b\\"\\\\\\n"} 1\nerrors{kind="c"} 3\n')
  })

  it('are calculated when they are read, those of one name together, and forgotten when they are gone', async () => {
    const { node } = create()
    const sockets: Record<string, number> = { one: 1 }
    node.registerMetricGroup('sockets', { label: 'address', calculate: () => sockets })
    node.registerMetricGroup('sockets', { label: 'address', calculate: async () => ({ other: 2 }) })
    expect(await node.text()).toBe('# TYPE sockets gauge\nsockets{address="one"} 1\nsockets{address="other"} 2\n')
    delete sockets.one
    expect(await node.text()).toBe('# TYPE sockets gauge\nsockets{address="other"} 2\n')
  })

  it('that nothing was counted in say nothing', async () => {
    const { node } = create()
    node.registerCounterGroup('errors')
    expect(await node.text()).toBe('')
  })
})
