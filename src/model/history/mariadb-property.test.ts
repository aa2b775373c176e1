import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Answer,
  compareExecuted,
  compareReceived,
  drained,
  errant,
  executedWithin,
  executedWithinReceived,
  type History,
  parseHistory,
  printHistory,
  type Relation,
  receivedWithin,
  type Surplus,
} from '../history.ts'
import { type Move, newWorld, play, type Snapshot, snapshot, type WorldOptions } from './world.testing.ts'

const MOVES = fc.array(
  fc.record({ kind: fc.nat(999), a: fc.nat(9), b: fc.nat(9), amount: fc.integer({ min: 1, max: 4 }) }),
  { minLength: 5, maxLength: 60 },
)
/** A soak asks for more, the quick gate for less. */
const QUICK = process.env['REGENT_QUICK'] !== undefined
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? (QUICK ? 400 : 1_500))
const SERVERS = fc.integer({ min: 2, max: 4 })
const MIXED = fc.array(fc.boolean(), { minLength: 1, maxLength: 4 })

/** What all servers show and truly have at the end, and some true snapshots from before. */
interface Story {
  readonly now: readonly Snapshot[]
  readonly before: readonly Snapshot[]
}

function tell(options: WorldOptions, moves: readonly Move[]): Story {
  const world = newWorld(options)
  const before: Snapshot[] = []
  for (const move of moves) {
    play(world, move)
    if (move.kind % 7 === 0) before.push(...world.servers.map(snapshot))
  }
  return { now: world.servers.map(snapshot), before: before.slice(-12) }
}

type Truth = 'yes' | 'no'
const within = (a: ReadonlySet<string>, b: ReadonlySet<string>): Truth =>
  [...a].every((key) => b.has(key)) ? 'yes' : 'no'

function relation(a: ReadonlySet<string>, b: ReadonlySet<string>): Relation {
  const table = { yes: { yes: 'equal', no: 'behind' }, no: { yes: 'ahead', no: 'diverged' } } as const
  return table[within(a, b)][within(b, a)]
}

interface Claim {
  readonly question: string
  readonly claimed: Answer | Relation
  readonly truth: Answer | Relation
}

function claims(a: Snapshot, b: Snapshot, context: readonly History[]): readonly Claim[] {
  const [x, y] = [a.history, b.history]
  return [
    { question: 'compareExecuted', claimed: compareExecuted(x, y, context), truth: relation(a.executed, b.executed) },
    { question: 'compareReceived', claimed: compareReceived(x, y, context), truth: relation(a.received, b.received) },
    { question: 'executedWithin', claimed: executedWithin(x, y, context), truth: within(a.executed, b.executed) },
    {
      question: 'executedWithinReceived',
      claimed: executedWithinReceived(x, y, context),
      truth: within(a.executed, b.received),
    },
    { question: 'receivedWithin', claimed: receivedWithin(x, y, context), truth: within(a.received, b.received) },
    { question: 'drained', claimed: drained(x), truth: within(a.received, a.executed) },
  ]
}

function checkClaims(a: Snapshot, b: Snapshot, context: readonly History[]): readonly Claim[] {
  const all = claims(a, b, context)
  for (const { question, claimed, truth } of all) {
    const said = `${question}\n  ${printHistory(a.history)}\n  ${printHistory(b.history)}\n  knowing\n  ${context.map(printHistory).join('\n  ')}`
    if (claimed !== 'unprovable') expect(`${question}: ${claimed}`, said).toBe(`${question}: ${truth}`)
  }
  checkSurplus(errant(a.history, b.history, context), a, b)
  return all
}

function checkSurplus(surplus: Surplus, a: Snapshot, b: Snapshot): void {
  const alone = [...a.executed].filter((key) => !b.executed.has(key)).length
  if (surplus.kind === 'none') expect(alone).toBe(0)
  if (surplus.kind !== 'some') return
  expect(alone).toBeGreaterThan(0)
  const said = `${surplus.gtids} (${surplus.counted} ${surplus.count})\n${printHistory(a.history)}\n${printHistory(b.history)}`
  if (surplus.counted === 'exactly') expect(alone, said).toBe(Number(surplus.count))
}

function pairs(servers: readonly Snapshot[]): readonly (readonly [Snapshot, Snapshot])[] {
  return servers.flatMap((a) => servers.filter((b) => b !== a).map((b) => [a, b] as const))
}

test('trap 63: forks, stray writes, restores, with or without logged updates: no answer ever contradicts the truth', () => {
  const tally = { decided: 0, all: 0 }
  const options = fc.record({
    servers: SERVERS,
    logsReplicaUpdates: MIXED,
    strict: MIXED,
    forks: fc.constant(true),
    restores: fc.boolean(),
  })
  fc.assert(
    fc.property(options, MOVES, (world, moves) => {
      const { now, before } = tell(world, moves)
      const everybody = [...now, ...before].map((each) => each.history)
      for (const [a, b] of pairs(now)) {
        for (const context of [[], now.map((each) => each.history), everybody]) {
          const all = checkClaims(a, b, context)
          tally.all += all.length
          tally.decided += all.filter(({ claimed }) => claimed !== 'unprovable').length
        }
      }
    }),
    { numRuns: RUNS },
  )
  console.log(`with forks: ${tally.decided} of ${tally.all} questions decided`)
  expect(tally.decided / tally.all).toBeGreaterThan(0.9)
})

test('without forks, where all log what they apply, nothing is unprovable', () => {
  fc.assert(
    fc.property(SERVERS, MIXED, MOVES, (servers, strict, moves) => {
      const { now } = tell({ servers, logsReplicaUpdates: [true], strict, forks: false, restores: false }, moves)
      const everybody = now.map((each) => each.history)
      for (const [a, b] of pairs(now)) {
        for (const claim of checkClaims(a, b, everybody)) expect(claim.claimed, claim.question).not.toBe('unprovable')
        expect(compareExecuted(a.history, b.history)).not.toBe('unprovable')
        expect(executedWithin(a.history, b.history)).not.toBe('unprovable')
        expect(errant(a.history, b.history).kind).not.toBe('unprovable')
      }
    }),
    { numRuns: QUICK ? 300 : 1_000 },
  )
})

test('what is printed reads back to the same history', () => {
  fc.assert(
    fc.property(MIXED, MOVES, (strict, moves) => {
      const { now } = tell(
        { servers: 3, logsReplicaUpdates: [true, false], strict, forks: true, restores: true },
        moves,
      )
      for (const { history } of now) expect(parseHistory(printHistory(history))).toEqual({ ok: true, value: history })
    }),
    { numRuns: 200 },
  )
})
