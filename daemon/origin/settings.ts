/**
 * Every timeout, limit and budget of the way to an origin, with its reason. One frozen object, so
 * that the daemon's configuration can build its schema from it; each origin gets the same values.
 */
export const originDefaults = Object.freeze({
  /**
   * From the first packet to a usable connection (name, TCP, TLS), ms. Three seconds let one lost SYN
   * be sent again (after 1 s) and still succeed. Lower gives up on far or lossy origins; higher lets
   * clients of a dead origin wait longer before they get stale content. The library's timer is coarse:
   * above 1,000 ms it may be up to a second late.
   */
  connectTimeoutMs: 3_000,
  /**
   * From the last byte of the request to the end of the response's head, ms; interim (1xx) answers
   * do not extend it. Slow origins think for seconds; beyond half a minute most clients have left.
   */
  headersTimeoutMs: 30_000,
  /** Longest silence of the origin in mid-body while we want more, ms. Higher keeps dead transfers longer. */
  bodyIdleTimeoutMs: 30_000,
  /**
   * Longest time that a body may stay unread while its buffer is full, ms. It frees the connection and
   * the place behind a reader that forgot it. Lower cuts clients that pause (a video player does);
   * higher lets a few forgotten bodies hold places.
   */
  bodyUnreadTimeoutMs: 60_000,
  /**
   * Bytes of one body held for its reader before the socket is paused; one read of the socket (64 KiB)
   * may come on top. Two reads keep the socket busy while the reader works on one; times
   * `concurrentMax` it bounds the memory of an origin (33 MB).
   */
  bodyBufferBytesMax: 128 * 1024,
  /** Exchanges under way at once, and so connections. Enough for 8,000 requests a second at 30 ms each. */
  concurrentMax: 256,
  /** Requests that wait for a place. Four times the places: a burst passes, a flood is told at once. */
  queueMax: 1_024,
  /** Longest wait for a place, ms. Past it the client is better served by stale content or a 503. */
  queueWaitMs: 10_000,
  /** Failures of the connection in a row that open the breaker. Lower opens on a single restart of the origin. */
  breakerFailures: 5,
  /**
   * How long the breaker stays open before one request may try, ms; up to half as much is added by
   * chance, so that edges do not return all at once. Higher spares the origin, and notices its return later.
   */
  breakerOpenMs: 5_000,
  /** Names and values of a response's head, bytes. Four times node's default: some origins send long policies. */
  headersBytesMax: 64 * 1024,
  /** Fields of a response's head. Real answers have some 20; each costs in the store and on every hit. */
  headersMax: 512,
  /** Connections kept open without work. Higher saves handshakes after a burst, and costs the origin sockets. */
  idleConnectionsMax: 64,
  /**
   * How long an idle connection is kept, ms, unless the origin's Keep-Alive field says less. Below the
   * 5 s after which node's own server closes: a request sent on a connection just closed has to be
   * repeated, and one that is not safe cannot be.
   */
  keepAliveMs: 4_000,
  /** Weight of the newest measurement in the smoothed time to first byte, 0 to 1. A fifth follows a change in about ten answers. */
  ttfbWeight: 0.2
})

export type OriginSettings = { readonly [K in keyof typeof originDefaults]: number }
