/**
 * Whether a history of overlapping operations can be put into one order that a sequential object allows and that keeps the order of
 * those that did not overlap (Herlihy and Wing 1990). Wing and Gong's search (1993) with Lowe's just-in-time linearisation and memoised
 * configurations (2017): an operation is given its place only when one that returns needs it, and configurations that are alike in
 * state and in what is placed go on as one. Time and memory grow with what overlaps, not with the history's length.
 */

/** `returnedAt` is Infinity for one without a known outcome: it happened at any time from then on, or never. */
export interface Operation {
  /** Times, or places in a common order; no two of a history are equal. */
  readonly invokedAt: number
  readonly returnedAt: number
}

export interface Model<State extends string | number, Op extends Operation> {
  readonly initial: State
  /** @returns the state after it; undefined where the operation cannot give in `state` what it gave */
  readonly step: (state: State, operation: Op) => State | undefined
}

/** An object's state and which of the operations under way have their place before it. */
interface Configuration<State> {
  readonly state: State
  readonly placed: readonly number[]
}

/**
 * @returns undefined for a linearisable history; otherwise the first operation whose return no order explains
 */
export function unexplained<State extends string | number, Op extends Operation> (model: Model<State, Op>, operations: readonly Op[]): Op | undefined {
  const events = operations.flatMap(({ invokedAt, returnedAt }, id) => [{ at: invokedAt, id, returns: false }, { at: returnedAt, id, returns: true }])
    .filter(({ at }) => at < Infinity)
    .sort((one, other) => one.at - other.at)
  /** Under way, by their numbers. */
  const open = new Set<number>()
  let configurations: ReadonlyArray<Configuration<State>> = [{ state: model.initial, placed: [] }]
  for (const { id, returns } of events) {
    if (!returns) {
      open.add(id)
      continue
    }
    configurations = explain(id)
    if (configurations.length === 0) return operations[id]
    open.delete(id)
  }
  return undefined

  /** All configurations in which `id` has its place; it is left out of them, as it is over. */
  function explain (id: number): ReadonlyArray<Configuration<State>> {
    const known = new Set(configurations.map(nameOf))
    const pending = [...configurations]
    const explained = new Map<string, Configuration<State>>()
    for (let configuration = pending.pop(); configuration !== undefined; configuration = pending.pop()) {
      const { state, placed } = configuration
      if (placed.includes(id)) {
        const rest = { state, placed: placed.filter((each) => each !== id) }
        explained.set(nameOf(rest), rest)
        continue
      }
      for (const next of open) {
        const after = placed.includes(next) ? undefined : model.step(state, operations[next]!)
        if (after === undefined) continue
        const longer = { state: after, placed: [...placed, next].sort((one, other) => one - other) }
        const name = nameOf(longer)
        if (known.has(name)) continue
        known.add(name)
        pending.push(longer)
      }
    }
    return [...explained.values()]
  }
}

function nameOf ({ state, placed }: Configuration<string | number>): string {
  return `${placed.join(' ')}|${state}`
}
