import { describe, expect, it } from 'vitest'
import type { RouteConfig } from '../model/cluster.ts'
import {
  DEFAULT_POLICY,
  type FencePolicy,
  type LossPolicy,
  type Policy,
  PROOF_LEVELS,
  type SemiSyncPolicy,
} from '../model/policy.ts'
import { cluster } from './fixture.testing.ts'
import { type Forecast, whatPolicyRefuses } from './refusals.ts'

const ROUTE: RouteConfig = { kind: 'proxy', name: 'proxy', listen: { host: '0.0.0.0', port: 3307 }, spawn: false }
const both = [false, true]
const FENCES: readonly FencePolicy[] = [
  { kind: 'default' },
  ...PROOF_LEVELS.map((level) => ({ kind: 'at_least', level }) as const),
]

const forecast = (policy: Partial<Policy>, routes: readonly RouteConfig[] = []) =>
  whatPolicyRefuses(cluster({ routes, policy: { ...DEFAULT_POLICY, ...policy } }))

const outcomeOf = (rows: readonly Forecast[], question: Forecast['question'], situation: Forecast['situation']) =>
  rows.find((row) => row.question === question && row.situation === situation)?.outcome

describe('fencing, every combination of policy and routes', () => {
  const all = FENCES.flatMap((fence) =>
    both.flatMap((startsReadOnly) =>
      both.flatMap((routesAreComplete) =>
        [[], [ROUTE]].map((routes) => ({ fence, startsReadOnly, routesAreComplete, routes })),
      ),
    ),
  )

  it.each(all)('%j', ({ fence, startsReadOnly, routesAreComplete, routes }) => {
    const rows = forecast({ fence, startsReadOnly, routesAreComplete }, routes)
    const routesProvable = routesAreComplete && routes.length > 0
    const level = fence.kind === 'at_least' ? fence.level : undefined

    const silentGoesOn = level === 'none' || ((level === undefined || level === 'routes') && routesProvable)
    expect(outcomeOf(rows, 'fence', 'silent')).toBe(silentGoesOn ? 'goes_on' : 'refused')

    const outlived = level === undefined || level === 'routes' || level === 'readonly'
    const refusedGoesOn = outlived ? startsReadOnly || routesProvable : level !== 'off'
    expect(outcomeOf(rows, 'fence', 'refused')).toBe(refusedGoesOn ? 'goes_on' : 'refused')

    const answersGoesOn = level !== 'stopped' && level !== 'off'
    expect(outcomeOf(rows, 'fence', 'answers')).toBe(answersGoesOn ? 'goes_on' : 'refused')
  })

  it.each(all)('%j: every refusal says what to write', ({ fence, startsReadOnly, routesAreComplete, routes }) => {
    for (const row of forecast({ fence, startsReadOnly, routesAreComplete }, routes)) {
      expect(row.because).not.toBe('')
      if (row.outcome === 'refused' || row.outcome === 'asks') expect(row.fix ?? '').not.toBe('')
    }
  })
})

it('a route that cannot be read back proves nothing, whatever is declared', () => {
  const blind: RouteConfig = { kind: 'command', name: 'vip', withdraw: ['w'], announce: ['a'], deadlineMs: 2000 }
  const rows = forecast({ routesAreComplete: true }, [ROUTE, blind])
  expect(rows.find((row) => row.situation === 'silent')).toMatchObject({
    outcome: 'refused',
    fix: 'give route vip a read: program',
  })
  expect(outcomeOf(forecast({ routesAreComplete: true }, [ROUTE, { ...blind, read: ['r'] }]), 'fence', 'silent')).toBe(
    'goes_on',
  )
})

describe('a living primary that is replaced by a failover', () => {
  const blind: RouteConfig = { kind: 'command', name: 'vip', withdraw: ['w'], announce: ['a'], deadlineMs: 2000 }
  const answers = (policy: Partial<Policy>, routes: readonly RouteConfig[]) =>
    forecast({ routesAreComplete: true, ...policy }, routes).find((row) => row.situation === 'answers')

  it('must be read-only and without its routes, where routes are all that clients have', () => {
    expect(answers({}, [ROUTE])).toMatchObject({ outcome: 'goes_on', because: 'readonly and routes can be proven' })
    expect(answers({ routesAreComplete: false }, [ROUTE])?.because).toBe('readonly can be proven')
  })

  it('is refused over a route that cannot be read back, if it may start writable or its commits wait', () => {
    const fix = 'give route vip a read: program'
    expect(answers({}, [blind])).toMatchObject({ outcome: 'refused', fix })
    const waits = { startsReadOnly: true, semiSync: { kind: 'wait_count', count: 1 } } as const
    expect(answers(waits, [blind])).toMatchObject({ outcome: 'refused', fix })
    expect(answers({ startsReadOnly: true }, [blind])).toMatchObject({
      outcome: 'depends',
      because: expect.stringContaining('where its commits wait for acknowledgements, readonly and routes is demanded'),
    })
  })
})

it('no text names a verb that does not exist', () => {
  const texts = forecast({ loss: { kind: 'proven' } }).flatMap(({ because, fix = '' }) => [because, fix])
  const verbs = texts.flatMap((text) => [...text.matchAll(/regent ([a-z]+ ?[a-z]*)/g)].map((m) => m[1]))
  expect(verbs).toEqual(['config check'])
})

describe('loss, every combination', () => {
  const LOSSES: readonly LossPolicy[] = [{ kind: 'auto' }, { kind: 'proven' }, { kind: 'at_most', seconds: 5 }]
  const SEMI_SYNCS: readonly SemiSyncPolicy[] = [
    { kind: 'as_found' },
    { kind: 'off' },
    { kind: 'wait_count', count: 1 },
  ]
  it.each(LOSSES.flatMap((loss) => SEMI_SYNCS.map((semiSync) => ({ loss, semiSync }))))('%j', ({ loss, semiSync }) => {
    const rows = forecast({ loss, semiSync })
    const hopeless = loss.kind === 'proven' && semiSync.kind === 'off'
    expect(outcomeOf(rows, 'loss', 'any')).toBe(hopeless ? 'refused' : 'depends')
  })
})

describe('ackers', () => {
  const rowsFor = (seeds: number, count: number, ackers: Policy['ackers']) =>
    whatPolicyRefuses(
      cluster({
        seeds: Array.from({ length: seeds }, (_, i) => ({ host: `db${i}`, port: 3306 })),
        policy: { ...DEFAULT_POLICY, semiSync: { kind: 'wait_count', count }, ackers },
      }),
    )
  it.each([
    [3, 1, 'refuse', 'goes_on'],
    [2, 1, 'refuse', 'depends'],
    [2, 1, 'lower', 'goes_on'],
    [3, 2, 'refuse', 'depends'],
    [4, 2, 'refuse', 'goes_on'],
    [1, 1, 'refuse', 'depends'],
  ] as const)('%d servers, wait count %d, %s: %s', (seeds, count, ackers, outcome) => {
    expect(outcomeOf(rowsFor(seeds, count, ackers), 'ackers', 'any')).toBe(outcome)
  })

  it('are no question where semi-sync stays off', () => {
    expect(outcomeOf(forecast({ semiSync: { kind: 'off' } }), 'ackers', 'any')).toBeUndefined()
  })
})

it('a policy that asks says so', () => {
  expect(outcomeOf(forecast({ recovery: 'ask' }), 'recovery', 'any')).toBe('asks')
  expect(outcomeOf(forecast({}), 'recovery', 'any')).toBe('goes_on')
})
