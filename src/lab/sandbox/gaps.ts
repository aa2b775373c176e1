/** When a write was acknowledged, by the monotonic clock of the writer's process, in ms. */
export interface Acknowledgement {
  readonly n: number
  readonly at: number
}

/** A time without acknowledgements: from the last one before it to the first one after it. */
export interface Gap {
  readonly from: number
  readonly to: number
  readonly ms: number
  /** The last write acknowledged before, the first acknowledged after. */
  readonly after: number
  readonly until: number
}

/** Every pause between two successive acknowledgements that is longer than `overMs`, in order. */
export function gapsBetween(acknowledged: readonly Acknowledgement[], overMs: number): Gap[] {
  const found: Gap[] = []
  let last: Acknowledgement | undefined
  for (const next of acknowledged) {
    if (last !== undefined && next.at - last.at > overMs) {
      found.push({ from: last.at, to: next.at, ms: next.at - last.at, after: last.n, until: next.n })
    }
    last = next
  }
  return found
}

export interface Verdict {
  /** Acknowledged, but not there: an acknowledged write was lost. */
  readonly lost: readonly number[]
  /** There, but never acknowledged: its answer was lost on the way. Allowed. */
  readonly extra: readonly number[]
  /** There, though the server had said that it was not executed. Never allowed. */
  readonly contradicted: readonly number[]
}

export interface Remembered {
  readonly acknowledged: ReadonlySet<number>
  readonly refused: ReadonlySet<number>
}

/** Compares what the writer remembers with the rows that a server has. */
export function compareRows(remembered: Remembered, present: ReadonlySet<number>): Verdict {
  const ascending = (a: number, b: number): number => a - b
  return {
    lost: [...remembered.acknowledged].filter((n) => !present.has(n)).sort(ascending),
    extra: [...present].filter((n) => !remembered.acknowledged.has(n)).sort(ascending),
    contradicted: [...present].filter((n) => remembered.refused.has(n)).sort(ascending),
  }
}
