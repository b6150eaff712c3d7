/** Names and contents of the metrics, and that edges of one process do not share them. */
import { prometheusMetrics } from '@libp2p/prometheus-metrics'
import { register } from 'prom-client'
import { afterEach, describe, expect, it } from 'vitest'
import { createLog } from '../../daemon/log.ts'
import { createMetrics, type Metrics } from '../../daemon/metrics.ts'

const open: Metrics[] = []

function create (): Metrics {
  const metrics = createMetrics()
  open.push(metrics)
  return metrics
}

/** What a libp2p node does with our registry. */
function addLibp2p ({ registry }: Metrics): { registerCounter: (name: string) => { increment: () => void } } {
  const logger = createLog({ level: 'silent', name: 'x' }).components
  return prometheusMetrics({ registry, preserveExistingMetrics: false, collectDefaultMetrics: false })({ logger }) as never
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

  it('are apart for two edges of one process, libp2p\'s among them, in whichever order they come', async () => {
    const first = create()
    first.counter('http', 'requests', '', 'Requests.').inc(3)
    addLibp2p(first).registerCounter('libp2p_test').increment()
    const second = create()
    const counter = addLibp2p(second).registerCounter('libp2p_test')
    second.counter('http', 'requests', '', 'Requests.').inc(4)
    counter.increment()
    counter.increment()
    expect(await first.text()).toMatch(/^colony_http_requests_total 3$(.|\n)*^libp2p_test 1$/m)
    expect(await second.text()).toMatch(/^libp2p_test 2$(.|\n)*^colony_http_requests_total 4$/m)
    expect(await register.metrics()).toBe('\n')
  })
})
