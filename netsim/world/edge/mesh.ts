/**
 * What hangs together by links, all edges' links taken together: gossip reaches just that. Worked out anew when links
 * have changed and somebody asks (union-find, Tarjan 1975).
 */
export class Mesh {
  readonly #edges: number
  readonly #linksOf: (edge: number) => Iterable<number>
  readonly #roots: Int32Array
  #isStale = true

  /** @param linksOf of an edge that is down: none */
  constructor (edges: number, linksOf: (edge: number) => Iterable<number>) {
    this.#edges = edges
    this.#linksOf = linksOf
    this.#roots = new Int32Array(edges)
  }

  /** A link broke: what hung together by it may do so no longer. */
  broke (): void { this.#isStale = true }

  linked (one: number, other: number): void { if (!this.#isStale) this.#join(one, other) }

  connected (one: number, other: number): boolean {
    if (this.#isStale) this.#work()
    return this.#root(one) === this.#root(other)
  }

  #work (): void {
    this.#isStale = false
    for (let edge = 0; edge < this.#edges; edge++) this.#roots[edge] = edge
    for (let edge = 0; edge < this.#edges; edge++) {
      for (const other of this.#linksOf(edge)) this.#join(edge, other)
    }
  }

  #join (one: number, other: number): void {
    const [a, b] = [this.#root(one), this.#root(other)]
    if (a !== b) this.#roots[Math.max(a, b)] = Math.min(a, b)
  }

  #root (edge: number): number {
    const roots = this.#roots
    while (roots[edge] !== edge) {
      roots[edge] = roots[roots[edge]!]!
      edge = roots[edge]!
    }
    return edge
  }
}
