/**
 * Values by prefix, found for a text by one walk along it: a radix tree (Morrison 1968, PATRICIA). A look-up costs the length of what
 * matches, whatever the number of prefixes, which come from clients and may be many.
 */
interface Node<Value> {
  /** What leads here from the node above. */
  readonly label: string
  readonly below: Map<string, Node<Value>>
  value: Value | undefined
}

export class PrefixTree<Value> {
  readonly #root: Node<Value> = { label: '', below: new Map(), value: undefined }
  #size = 0

  get size (): number { return this.#size }

  get (prefix: string): Value | undefined {
    let node: Node<Value> | undefined = this.#root
    for (let at = 0; node !== undefined && at < prefix.length; at += node?.label.length ?? 0) node = below(node, prefix, at)
    return node?.value
  }

  set (prefix: string, value: Value): void {
    let node = this.#root
    for (let at = 0; at < prefix.length; at += node.label.length) node = below(node, prefix, at) ?? branch(node, prefix.slice(at))
    if (node.value === undefined) this.#size++
    node.value = value
  }

  /** Calls back with the value of every prefix of `text`, the shortest first. */
  visit (text: string, each: (value: Value) => void): void {
    let node: Node<Value> | undefined = this.#root
    for (let at = 0; node !== undefined; at += node?.label.length ?? 0) {
      if (node.value !== undefined) each(node.value)
      node = at < text.length ? below(node, text, at) : undefined
    }
  }

  * entries (): Generator<readonly [prefix: string, value: Value]> {
    const open: Array<readonly [string, Node<Value>]> = [['', this.#root]]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const [prefix, { value, below: nodes }] = next
      if (value !== undefined) yield [prefix, value]
      for (const node of nodes.values()) open.push([prefix + node.label, node])
    }
  }
}

function below<Value> (node: Node<Value>, text: string, at: number): Node<Value> | undefined {
  const next = node.below.get(text[at]!)
  return next !== undefined && text.startsWith(next.label, at) ? next : undefined
}

/** A node for `rest`, or for as much of it as it shares with one that is there: that one goes below it. */
function branch<Value> (node: Node<Value>, rest: string): Node<Value> {
  const other = node.below.get(rest[0]!)
  let shared = rest.length
  if (other !== undefined) for (shared = 1; rest[shared] === other.label[shared];) shared++
  const made: Node<Value> = { label: rest.slice(0, shared), below: new Map(), value: undefined }
  if (other !== undefined) made.below.set(other.label[shared]!, { ...other, label: other.label.slice(shared) })
  node.below.set(rest[0]!, made)
  return made
}
