import fc from 'fast-check'
import { expect, test } from 'vitest'
import { aCluster, type Story } from './building.testing.ts'
import { decide } from './explain.ts'
import { brokenLaws } from './possible.testing.ts'
import { idOf } from './status.testing.ts'

const NAMES = ['s1', 's2', 's3', 's4'] as const
const REPLICAS = ['s2', 's3', 's4'] as const

type Event = (story: Story) => unknown

const name = fc.constantFrom(...NAMES)
const replica = fc.constantFrom(...REPLICAS)
const ms = fc.integer({ min: 1, max: 2500 })
const heartbeatPeriodMs = fc.constantFrom(0, 100, 500, 2000, 30_000)
const gone = fc.constantFrom<Event>(
  (s) => s.dies('s1'),
  (s) => s.freezes('s1'),
  (s) => s.vanishes('s1'),
)

/** What may happen to servers, to the network and to this process; weighted so that many stories reach a failover. */
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(ms, fc.constantFrom(50, 100, 500)).map(
      ([t, every]): Event =>
        (s) =>
          s.pass(t, every),
    ),
  },
  { weight: 2, arbitrary: gone },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Event>(
      (s) => s.toUs('s1', 'cut'),
      (s) => s.toUs('s1', 'refusing'),
      (s) => s.toUs('s1', 'open'),
    ),
  },
  {
    weight: 1,
    arbitrary: ms.map(
      (t): Event =>
        (s) =>
          s.sleep(t * 4),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.array(name, { minLength: 1, maxLength: 4 }).map(
      (names): Event =>
        (s) =>
          s.look(...names),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Event>((s) => s.closes('s1')) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('refused', 'reset', 'accepted', 'silent').map(
      (o): Event =>
        (s) =>
          s.knock('s1', o),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Event>(
      (s) => s.busy('s1'),
      (s) => s.idle('s1'),
    ),
  },
  {
    weight: 1,
    arbitrary: name.map(
      (n): Event =>
        (s) =>
          s.restarts(n, n === 's1' ? 'writable' : 'closed_to_all'),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Event>((s) => s.restarts('s1')) },
  {
    weight: 1,
    arbitrary: replica.map(
      (n): Event =>
        (s) =>
          s.vanishes(n),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(replica, fc.constantFrom('open', 'cut')).map(
      ([n, l]): Event =>
        (s) =>
          s.link(n, l),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(replica, fc.constantFrom('running', 'stopped')).map(
      ([n, a]): Event =>
        (s) =>
          s.channel(n, { applier: a }),
    ),
  },
  {
    weight: 1,
    arbitrary: replica.map(
      (n): Event =>
        (s) =>
          s.channel(n, { receiver: 'stopped' }),
    ),
  },
  {
    weight: 1,
    arbitrary: replica.map(
      (n): Event =>
        (s) =>
          s.channel(n, { receiver: 'connecting' }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(replica, fc.constantFrom('writable', 'closed_to_all')).map(
      ([n, a]): Event =>
        (s) =>
          s.becomes(n, a),
    ),
  },
  {
    weight: 1,
    arbitrary: replica.map(
      (n): Event =>
        (s) =>
          s.has(n, n, 1),
    ),
  },
)

const story = fc
  .tuple(heartbeatPeriodMs, heartbeatPeriodMs, fc.boolean(), fc.array(event, { minLength: 1, maxLength: 14 }))
  .map(([h2, h3, watched, events]) => () => {
    const cluster = aCluster()
      .primary('s1')
      .replica('s2', 's1', { heartbeatPeriodMs: h2 })
      .replica('s3', 's1', { heartbeatPeriodMs: h3 })
    cluster.replica('s4').busy('s1')
    if (watched) cluster.pass(1000)
    for (const happen of events) happen(cluster)
    return cluster.look()
  })

const options = {
  numRuns: Number(process.env['PROPERTY_RUNS'] ?? (process.env['REGENT_QUICK'] !== undefined ? 150 : 400)),
}
const fails = (s: Story): boolean => s.diagnosis().primary.remedy === 'fail_over'

test('the stories reach failovers, so that the following can fail', () => {
  const ended = fc.sample(story, { numRuns: 400, seed: 7 }).map((tell) => decide(tell().folded().facts).remedy)
  expect(ended.filter((remedy) => remedy === 'fail_over').length).toBeGreaterThan(5)
})

test('whatever happens, the facts are a possible mix, so that there is a verdict', () => {
  fc.assert(
    fc.property(story, (tell) => {
      expect(brokenLaws(tell().folded().facts)).toEqual([])
    }),
    options,
  )
})

test('a replica that hears the primary in truth, and is looked at, always prevents a failover', () => {
  fc.assert(
    fc.property(story, (tell) => {
      const ended = tell()
      const hearing = REPLICAS.filter((n) => ended.hearsInTruth(n))
      fc.pre(hearing.length > 0)
      for (let i = 0; i < 6; i++) expect(fails(ended.pass(400))).toBe(false)
    }),
    options,
  )
})

test('a sign of life never turns another verdict into a failover', () => {
  const signs: readonly { readonly on: string; readonly give: Event }[] = [
    { on: 's1', give: (s) => s.restarts('s1', 'writable').toUs('s1', 'open').look('s1') },
    {
      on: 's1',
      give: (s) => s.restarts('s1', 'writable').toUs('s1', { denial: 'too_many_connections', errno: 1040 }).look('s1'),
    },
    ...REPLICAS.map((n) => ({
      on: n,
      give: (s: Story) => s.has(n, 's1', 1_000_000).channel(n, { receivedText: 'more' }).look(n),
    })),
  ]
  fc.assert(
    fc.property(story, fc.constantFrom(...signs), (tell, { on, give }) => {
      const ended = tell()
      fc.pre(!fails(ended))
      // What arrives at a replica shows only against an earlier reading of it.
      fc.pre(on === 's1' || ended.topology().members.some(({ id }) => id === idOf(on)))
      give(ended)
      // A replica that is gone by now says nothing: that look is a further silence, no sign of life.
      fc.pre(['answered', 'denied'].includes(ended.sighting(on).latest.kind))
      expect(fails(ended)).toBe(false)
    }),
    options,
  )
})

test('right after a sign of life there is never a failover, even where there was one before', () => {
  fc.assert(
    fc.property(story, (tell) => {
      const ended = tell()
      ended.restarts('s1', 'writable').toUs('s1', 'open').look('s1')
      expect(fails(ended)).toBe(false)
    }),
    options,
  )
})
