/**
 * A door into a host's namespace: listens on sockets in the file system, which namespaces share, and passes
 * every connection on to an address inside. So one program outside can ask the daemons and be a client
 * on every host, without a cable of its own into the lab. Arguments: pairs of socket path and HOST:PORT.
 */
import { rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'

const pairs = process.argv.slice(2)

for (let at = 0; at + 1 < pairs.length; at += 2) {
  const path = pairs[at]!
  const [host, port] = pairs[at + 1]!.split(':')
  rmSync(path, { force: true })
  createServer({ allowHalfOpen: true }, (outer) => {
    const inner = connect({ host, port: Number(port), allowHalfOpen: true })
    join(outer, inner)
    join(inner, outer)
  }).listen(path)
}

function join (from: Socket, to: Socket): void {
  from.pipe(to)
  // One side's failure is the other's: a client must see a refused or broken connection, not silence.
  from.once('error', () => { to.destroy() })
  from.once('close', () => { if (from.errored !== null) to.destroy() })
}
