import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Address, printAddress } from '../model/address.ts'
import { clusterId, epoch, instant } from '../model/ids.ts'
import type { RouteMessage } from '../model/route.ts'
import { Gate, type GateEffect } from './gate.ts'

const shop = clusterId('c-shop')
const BOUND_MS = 10_000
const db = (n: number): Address => ({ host: `db${n}`, port: 3306 })
const open = (reign: number, number: number, primary: Address): RouteMessage => ({
  cluster: shop,
  epoch: epoch(reign),
  number,
  kind: 'open',
  primary,
})
const withdrawn = (reign: number, number: number): RouteMessage => ({
  cluster: shop,
  epoch: epoch(reign),
  number,
  kind: 'withdrawn',
})
const aGate = (remembered?: RouteMessage): Gate =>
  new Gate({ cluster: shop, alias: 'shop', boundMs: BOUND_MS, remembered })
const at = instant

/** Attempt number of the connect effect for a client. */
function attemptOf(effects: readonly GateEffect[], client: number): number {
  const found = effects.find((e) => e.kind === 'connect' && e.client === client)
  if (found?.kind !== 'connect') throw new Error(`no attempt for client ${client} in ${JSON.stringify(effects)}`)
  return found.attempt
}

describe('a gate', () => {
  test('lets a client wait until there is a route, then connects it, then pipes it once the server has spoken', () => {
    const gate = aGate()
    expect(gate.handle({ kind: 'client_connected', client: 1, at: at(0) })).toEqual([])
    const { verdict, effects } = gate.route(open(1, 1, db(1)), at(50))
    expect(verdict).toBe('accepted')
    expect(effects).toEqual([{ kind: 'connect', client: 1, attempt: 1, to: db(1) }])
    expect(gate.handle({ kind: 'greeted', client: 1, attempt: 1, at: at(51) })).toEqual([{ kind: 'pipe', client: 1 }])
  })

  test('trap 82: started again, it does not serve the route that it remembers, and refuses what is older', () => {
    const gate = aGate(open(4, 7, db(1)))
    expect(gate.handle({ kind: 'client_connected', client: 1, at: at(0) })).toEqual([])
    expect(gate.route(open(4, 6, db(2)), at(1)).verdict).toBe('refused_older')
    expect(gate.inForce).toBeUndefined()
    expect(gate.route(open(4, 7, db(1)), at(2))).toMatchObject({
      verdict: 'same',
      effects: [{ kind: 'connect', to: db(1) }],
    })
  })

  test('refuses another cluster, and an equal pair with other content', () => {
    const gate = aGate()
    const other: RouteMessage = { ...open(9, 9, db(1)), cluster: clusterId('c-other') }
    expect(gate.route(other, at(0)).verdict).toBe('refused_other_cluster')
    gate.route(open(1, 1, db(1)), at(0))
    expect(gate.route(open(1, 1, db(2)), at(0)).verdict).toBe('refused_conflict')
    expect(gate.inForce).toEqual(open(1, 1, db(1)))
  })

  test('a client whose server is refused waits again, is retried with a growing pause, and is served by a new route at once', () => {
    const gate = aGate()
    gate.route(open(1, 1, db(1)), at(0))
    let effects = gate.handle({ kind: 'client_connected', client: 1, at: at(0) })
    const pauses: number[] = []
    let now = 0
    for (let i = 0; i < 6; i++) {
      const attempt = attemptOf(effects, 1)
      expect(gate.handle({ kind: 'backend_failed', client: 1, attempt, why: 'refused', at: at(now) })).toEqual([])
      const due = gate.nextDue() ?? Number.NaN
      pauses.push(due - now)
      now = due
      effects = gate.handle({ kind: 'tick', at: at(now) })
    }
    expect(pauses).toEqual([10, 20, 40, 80, 100, 100])
    gate.handle({ kind: 'backend_failed', client: 1, attempt: attemptOf(effects, 1), why: 'refused', at: at(now) })
    expect(gate.route(open(2, 1, db(2)), at(now)).effects).toMatchObject([{ kind: 'connect', to: db(2) }])
  })

  test('a withdrawal abandons attempts and keeps sessions; another primary closes them', () => {
    const gate = aGate()
    gate.route(open(1, 1, db(1)), at(0))
    gate.handle({ kind: 'client_connected', client: 1, at: at(0) })
    gate.handle({ kind: 'greeted', client: 1, attempt: 1, at: at(1) })
    gate.handle({ kind: 'client_connected', client: 2, at: at(2) })
    expect(gate.route(withdrawn(1, 2), at(3)).effects).toEqual([{ kind: 'abandon', client: 2 }])
    expect(gate.sessions.size).toBe(1)
    expect(gate.handle({ kind: 'greeted', client: 2, attempt: 2, at: at(4) })).toEqual([])
    expect(gate.route(open(2, 1, db(2)), at(5)).effects).toEqual([
      { kind: 'close', client: 1, how: 'at_once' },
      { kind: 'connect', client: 2, attempt: 3, to: db(2) },
    ])
  })

  test('held sessions to a former primary stay until they end, or are cut at the bound; others are cut when another one is named', () => {
    const gate = aGate()
    gate.route(open(1, 1, db(1)), at(0))
    for (const client of [1, 2]) {
      const attempt = attemptOf(gate.handle({ kind: 'client_connected', client, at: at(0) }), client)
      gate.handle({ kind: 'greeted', client, attempt, at: at(1) })
    }
    gate.route(withdrawn(1, 2), at(2))
    gate.handle({ kind: 'held', client: 1, at: at(3) })
    expect(gate.route(open(2, 1, db(2)), at(4)).effects).toEqual([{ kind: 'close', client: 2, how: 'at_once' }])
    expect(gate.nextDue()).toBe(3 + BOUND_MS)
    expect(gate.handle({ kind: 'tick', at: at(3 + BOUND_MS) })).toEqual([{ kind: 'close', client: 1, how: 'at_once' }])
    expect([gate.sessions.size, gate.nextDue()]).toEqual([0, undefined])
  })

  test('held sessions go on when their primary is named again, or when nobody was named within the bound', () => {
    const gate = aGate()
    gate.route(open(1, 1, db(1)), at(0))
    const attempt = attemptOf(gate.handle({ kind: 'client_connected', client: 1, at: at(0) }), 1)
    gate.handle({ kind: 'greeted', client: 1, attempt, at: at(1) })
    gate.route(withdrawn(1, 2), at(2))
    gate.handle({ kind: 'held', client: 1, at: at(3) })
    expect(gate.route(open(1, 3, db(1)), at(4)).effects).toEqual([{ kind: 'release', client: 1 }])
    gate.route(withdrawn(1, 4), at(5))
    gate.handle({ kind: 'held', client: 1, at: at(6) })
    expect(gate.handle({ kind: 'tick', at: at(6 + BOUND_MS) })).toEqual([{ kind: 'release', client: 1 }])
    expect(gate.sessions.size).toBe(1)
  })

  test('tells a client how long it waited, for which cluster, and why', () => {
    const gate = aGate()
    gate.handle({ kind: 'client_connected', client: 1, at: at(0) })
    expect(gate.handle({ kind: 'tick', at: at(BOUND_MS) })).toEqual([
      {
        kind: 'refuse',
        client: 1,
        says: 'regent proxy: no primary for 10 s, cluster shop (no route was announced yet)',
      },
    ])
    gate.route(open(1, 1, db(1)), at(BOUND_MS))
    const effects = gate.handle({ kind: 'client_connected', client: 2, at: at(BOUND_MS) })
    gate.handle({
      kind: 'backend_failed',
      client: 2,
      attempt: attemptOf(effects, 2),
      why: 'ECONNREFUSED',
      at: at(BOUND_MS),
    })
    expect(gate.handle({ kind: 'tick', at: at(2 * BOUND_MS) })).toEqual([
      { kind: 'refuse', client: 2, says: 'regent proxy: no primary for 10 s, cluster shop (db1:3306: ECONNREFUSED)' },
    ])
  })

  test('never keeps more than 64 attempts open, and serves everybody in the end, first come first', () => {
    const gate = aGate()
    for (let client = 1; client <= 500; client++) gate.handle({ kind: 'client_connected', client, at: at(0) })
    const queue = gate.route(open(1, 1, db(1)), at(1)).effects.filter((e) => e.kind === 'connect')
    const served: number[] = []
    for (let next = queue.shift(); next; next = queue.shift()) {
      expect(queue.length).toBeLessThan(64)
      served.push(next.client)
      const { client, attempt } = next
      queue.push(...gate.handle({ kind: 'greeted', client, attempt, at: at(2) }).filter((e) => e.kind === 'connect'))
    }
    expect(served).toEqual(Array.from({ length: 500 }, (_, i) => i + 1))
  })
})

/** An adversary's move: numbers are mapped onto whoever is there. */
const moves = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('connects' as const), after: fc.nat(400) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('greets' as const), who: fc.nat(50), after: fc.nat(400) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('fails' as const), who: fc.nat(50), after: fc.nat(400) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leaves' as const), who: fc.nat(50), after: fc.nat(400) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('ends' as const), who: fc.nat(50), after: fc.nat(400) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('held' as const), who: fc.nat(50), after: fc.nat(400) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('route' as const),
      epoch: fc.integer({ min: 1, max: 3 }),
      number: fc.integer({ min: 1, max: 6 }),
      to: fc.option(fc.integer({ min: 1, max: 3 })),
      foreign: fc.boolean(),
      after: fc.nat(400),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restarts' as const), after: fc.nat(400) }) },
)
type Move = typeof moves extends fc.Arbitrary<infer T> ? T : never

/** Drives a gate as the wire does, and holds it to the promises by books of its own. */
class Watched {
  gate = aGate()
  now = 0
  #clients = 0
  /** The highest pair ever taken, and where it led; kept apart from the gate's own reckoning. */
  #highest = 0
  #content = ''
  #leadsTo: string | undefined
  readonly waiting = new Map<number, { since: number; attempt?: { number: number; to: string } }>()
  readonly sessions = new Map<number, string>()
  readonly held = new Map<number, number>()

  step(move: Move): void {
    this.now += move.after
    // Timers fire when they are due, not when the adversary likes.
    for (let due = this.gate.nextDue(); due !== undefined && due <= this.now; due = this.gate.nextDue()) {
      this.#take(this.gate.handle({ kind: 'tick', at: at(Math.max(due, this.now)) }))
    }
    this.#play(move)
    this.check()
  }

  #play(move: Move): void {
    if (move.kind === 'connects') {
      const client = ++this.#clients
      this.waiting.set(client, { since: this.now })
      this.#take(this.gate.handle({ kind: 'client_connected', client, at: at(this.now) }))
    } else if (move.kind === 'route') this.#route(move)
    else if (move.kind === 'restarts') this.#restart()
    else if (move.kind === 'ends') this.#ends(move.who)
    else if (move.kind === 'held') this.#holds(move.who)
    else this.#about(move.kind, move.who)
  }

  #about(kind: 'greets' | 'fails' | 'leaves', who: number): void {
    const trying = [...this.waiting].filter(([, w]) => kind === 'leaves' || w.attempt)
    const chosen = trying[who % Math.max(1, trying.length)]
    if (!chosen) return
    const [client, waiting] = chosen
    if (kind === 'leaves') {
      this.waiting.delete(client)
      this.#take(this.gate.handle({ kind: 'client_gone', client, at: at(this.now) }))
    } else if (waiting.attempt) {
      const attempt = waiting.attempt.number
      if (kind === 'fails') this.waiting.set(client, { since: waiting.since })
      const event =
        kind === 'greets' ? ({ kind: 'greeted' } as const) : ({ kind: 'backend_failed', why: 'refused' } as const)
      this.#take(this.gate.handle({ ...event, client, attempt, at: at(this.now) }))
    }
  }

  #ends(who: number): void {
    const client = [...this.sessions.keys()][who % Math.max(1, this.sessions.size)]
    if (client === undefined) return
    this.sessions.delete(client)
    this.held.delete(client)
    this.#take(this.gate.handle({ kind: 'session_ended', client, at: at(this.now) }))
  }

  #holds(who: number): void {
    const client = [...this.sessions.keys()][who % Math.max(1, this.sessions.size)]
    if (client === undefined) return
    if (!this.held.has(client)) this.held.set(client, this.now)
    this.#take(this.gate.handle({ kind: 'held', client, at: at(this.now) }))
  }

  #restart(): void {
    this.gate = aGate(this.gate.last)
    this.#leadsTo = undefined
    this.waiting.clear()
    this.sessions.clear()
    this.held.clear()
  }

  #route(move: Move & { kind: 'route' }): void {
    const message = move.to === null ? withdrawn(move.epoch, move.number) : open(move.epoch, move.number, db(move.to))
    const sent = move.foreign ? { ...message, cluster: clusterId('c-other') } : message
    const [order, content] = [move.epoch * 100 + move.number, String(move.to)]
    const taken = !move.foreign && (order > this.#highest || (order === this.#highest && content === this.#content))
    if (taken) {
      this.#highest = order
      this.#content = content
      this.#leadsTo = move.to === null ? undefined : printAddress(db(move.to))
    }
    const { verdict, effects } = this.gate.route(sent, at(this.now))
    expect(verdict === 'accepted' || verdict === 'same').toBe(taken)
    this.#take(effects)
  }

  #take(effects: readonly GateEffect[]): void {
    for (const effect of effects) this.#one(effect)
  }

  #one(effect: GateEffect): void {
    const waiting = this.waiting.get(effect.client)
    switch (effect.kind) {
      case 'connect':
        expect(printAddress(effect.to)).toBe(this.#leadsTo)
        expect(waiting?.attempt).toBeUndefined()
        this.waiting.set(effect.client, {
          since: waiting?.since ?? Number.NaN,
          attempt: { number: effect.attempt, to: printAddress(effect.to) },
        })
        return
      case 'abandon':
        if (waiting) this.waiting.set(effect.client, { since: waiting.since })
        return
      case 'pipe':
        expect(waiting?.attempt?.to).toBe(this.#leadsTo)
        this.waiting.delete(effect.client)
        this.sessions.set(effect.client, waiting?.attempt?.to ?? 'nowhere')
        return
      case 'refuse':
        expect(this.now - (waiting?.since ?? Number.NaN)).toBeGreaterThanOrEqual(BOUND_MS)
        this.waiting.delete(effect.client)
        return
      case 'release':
        expect(this.held.delete(effect.client)).toBe(true)
        return
      case 'close':
        expect(this.sessions.delete(effect.client)).toBe(true)
        this.held.delete(effect.client)
    }
  }

  check(): void {
    expect([...this.gate.sessions.keys()].sort()).toEqual([...this.sessions.keys()].sort())
    expect(this.gate.waiting).toBe(this.waiting.size)
    for (const { since, attempt } of this.waiting.values()) {
      expect(this.now - since).toBeLessThan(BOUND_MS)
      if (attempt) expect(attempt.to).toBe(this.#leadsTo)
    }
    for (const since of this.held.values()) expect(this.now - since).toBeLessThan(BOUND_MS)
    if (this.#leadsTo === undefined) return
    for (const [client, to] of this.sessions) if (!this.held.has(client)) expect(to).toBe(this.#leadsTo)
  }
}

test('whatever happens: only the last accepted open route is served, nobody waits or is held past the bound, nobody is lost', () => {
  fc.assert(
    fc.property(fc.array(moves, { maxLength: 80 }), (history) => {
      const watched = new Watched()
      for (const move of history) watched.step(move)
    }),
    { numRuns: 1500 },
  )
})
