import { describe, expect, test } from 'vitest'
import { planBarrierAgain } from '../src/decide/recover/again.ts'
import { planFailoverAct1 } from '../src/decide/recover/failover-act1.ts'
import { planFailoverAct2 } from '../src/decide/recover/failover-act2.ts'
import type { Opening, Situation } from '../src/decide/recover/situation.ts'
import type { FenceDemand } from '../src/model/fence.ts'
import { epoch, recoveryId, serverId } from '../src/model/ids.ts'
import type { Plan, Planned } from '../src/model/plan.ts'
import { A_REPLICA, A_SETTING, type Setting, sealedOf, situationOf } from './simulate-situations.ts'

const S1 = serverId('s1')
const S2 = serverId('s2')
const addresses = [{ host: 's1', port: 3306 }]

/** s1 led; s2 was minted by recovery r0 when all three had been sealed, and died before it was known to be open. */
function openingOf(
  received: readonly [number, number, number],
  change: Partial<Opening> = {},
  setting: Partial<Setting> = {},
): Situation {
  const replica = (count: number, answers: boolean) => ({ ...A_REPLICA, received: count, applied: count, answers })
  const [own, ...others] = received
  const then = { ...A_SETTING, ...setting, replicas: received.map((count) => replica(count, true)) }
  const now: Setting = { ...then, replicas: [replica(own, false), ...others.map((count) => replica(count, true))] }
  const before = situationOf({ ...now, stopped: true, subjectState: 'refused' })
  const { reign } = before.topology
  if (!reign) throw new Error('no reign')
  return {
    ...before,
    topology: { ...before.topology, reign: { ...reign, epoch: epoch(2), primary: S2, state: 'opening' } },
    nextEpoch: epoch(3),
    subject: S2,
    formerPrimaries: [S1],
    opening: {
      predecessors: [{ server: S1, state: 'refused', stopped: true, addresses }],
      settled: { recovery: recoveryId('r0'), says: 'nothing is lost', risks: [], sealed: sealedOf(then) },
      unannounced: epoch(1),
      ...change,
    },
  }
}

const planOf = (planned: Planned): Plan => {
  if (planned.kind === 'refusal') throw new Error(JSON.stringify(planned.reasons))
  return planned.plan
}
const codes = (planned: Planned): readonly string[] =>
  planned.kind === 'refusal' ? planned.reasons.map((r) => r.code) : []
const now = (situation: Situation) =>
  new Map([...(situation.opening?.settled?.sealed ?? [])].filter(([server]) => server !== S2))

describe.each(['mysql', 'mariadb'] as const)('a winner that died before it opened, on %s', (flavour) => {
  test('is replaced where the others received all that was sealed before, with what was settled then', () => {
    const situation = openingOf([9, 9, 8], {}, { flavour })
    const act1 = planOf(planFailoverAct1(situation))
    expect(act1.because).toBe('nothing is lost (settled by r0)')
    expect(planOf(planFailoverAct2(situation, now(situation))).mints).toMatchObject({ epoch: 3, winner: 's3' })
  })

  test('is not replaced where only it received something, nor where what was sealed is not on record', () => {
    expect(codes(planFailoverAct1(openingOf([10, 9, 9], {}, { flavour })))).toContain('loss_not_provable')
    const { settled: _, ...rest } = openingOf([9, 9, 9]).opening ?? { predecessors: [] }
    const forgotten: Situation = { ...openingOf([9, 9, 9], {}, { flavour }), opening: rest }
    expect(codes(planFailoverAct1(forgotten))).toContain('loss_not_provable')
  })

  test('is not replaced by itself where it is not shown that no client was led to it', () => {
    const { unannounced: _, ...opening } = openingOf([9, 9, 9], {}, { flavour }).opening ?? { predecessors: [] }
    const situation: Situation = { ...openingOf([9, 9, 9], {}, { flavour }), opening }
    expect(codes(planFailoverAct1(situation))).toContain('waits_for_winner')
    expect(codes(planFailoverAct1({ ...situation, automatic: false }))).toEqual([])
  })

  test('is fenced together with its predecessor, each with the routes, and nothing of act 1 is ever undone', () => {
    const answers = { server: S1, state: 'answers', stopped: false, addresses } as const
    const situation = openingOf([9, 9, 9], { predecessors: [answers] }, { flavour })
    const act1 = planOf(planFailoverAct1(situation))
    expect(act1.steps.map((s) => s.id)).toEqual(expect.arrayContaining(['close:s1', 'seal:s3', 'withdraw:proxy']))
    expect(act1.steps.filter((s) => s.undo !== undefined)).toEqual([])
    const act2 = planOf(planFailoverAct2(situation, now(situation)))
    const barriers = act2.steps.flatMap((s) => (s.kind === 'barrier' ? [[s.server, s.demand]] : []))
    expect(barriers).toEqual([
      [S2, { atLeast: 'stopped', alsoRoutes: true }],
      [S1, { atLeast: 'readonly', alsoRoutes: true }],
    ])
    const open = act2.steps.find((s) => s.kind === 'open_server')
    expect(open?.after).toEqual(expect.arrayContaining(['barrier', 'barrier:s1']))
  })
})

describe('the barrier of a plan that another process made', () => {
  const found = (subjectState: Situation['subjectState'], stopped: boolean): Situation => ({
    ...situationOf({ ...A_SETTING, subjectState, stopped }),
  })
  const demanded = (demand: FenceDemand, situation: Situation): FenceDemand | undefined => {
    const settled = situationOf({ ...A_SETTING, subjectState: 'refused', stopped: true })
    const plan = planOf(planFailoverAct2(settled, sealedOf(A_SETTING)))
    const steps = plan.steps.map((s) => (s.kind === 'barrier' ? { ...s, demand } : s))
    const again = planBarrierAgain({ ...plan, steps }, situation).steps.find((s) => s.kind === 'barrier')
    return again?.kind === 'barrier' ? again.demand : undefined
  }
  const [STOPPED, READONLY, ROUTES, NONE] = (['stopped', 'readonly', 'routes', 'none'] as const).map(
    (atLeast): FenceDemand => ({ atLeast, alsoRoutes: false }),
  )

  test.each([
    ['closed, and dead now', READONLY, found('refused', true), { atLeast: 'stopped', alsoRoutes: true }],
    ['closed, and silent now', READONLY, found('silent', false), ROUTES],
    ['dead, and back now', STOPPED, found('answers', false), READONLY],
    ['closed, and closed now', READONLY, found('answers', false), READONLY],
    ['dead, and dead now', STOPPED, found('refused', true), STOPPED],
    ['accepted by name without any proof', NONE, found('answers', false), NONE],
    ['cut off from its clients', ROUTES, found('answers', false), ROUTES],
  ] as const)('of a primary that was %s', (_, before, situation, after) => {
    if (!before) throw new Error('no demand')
    expect(demanded(before, situation)).toEqual(after)
  })
})
