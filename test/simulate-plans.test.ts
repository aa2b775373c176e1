import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { planFailoverAct1 } from '../src/decide/recover/failover-act1.ts'
import { planFailoverAct2 } from '../src/decide/recover/failover-act2.ts'
import { rank } from '../src/decide/recover/rank.ts'
import { followers } from '../src/decide/recover/situation.ts'
import { planSwitchoverAct1 } from '../src/decide/recover/switchover-act1.ts'
import { planSwitchoverAct2 } from '../src/decide/recover/switchover-act2.ts'
import { serverId } from '../src/model/ids.ts'
import type { Plan, Planned } from '../src/model/plan.ts'
import type { Step, StepKind } from '../src/model/step.ts'
import { inOrder } from '../src/run/execute/run.ts'
import { A_REPLICA, A_SETTING, type Setting, sealedOf, settings, situationOf } from './simulate-situations.ts'

const RUNS = process.env['REGENT_SOAK'] ? 20_000 : 500

/** Ids of all steps that have ended before this one starts, by the edges alone. */
function before(plan: Plan, id: string, known = new Set<string>()): ReadonlySet<string> {
  for (const other of plan.steps.find((s) => s.id === id)?.after ?? []) {
    if (known.has(other)) continue
    known.add(other)
    before(plan, other, known)
  }
  return known
}

const ofKind = (plan: Plan, kind: StepKind): readonly Step[] => plan.steps.filter((s) => s.kind === kind)
const waits = (plan: Plan, step: Step, on: readonly Step[]): void => {
  const ended = before(plan, step.id)
  for (const other of on) expect([...ended], `${step.id} waits for ${other.id}`).toContain(other.id)
}

function expectSound(acts: readonly Plan[]): void {
  const ids = acts.flatMap((plan) => plan.steps.map((s) => s.id))
  for (const plan of acts) {
    const own = plan.steps.map((s) => s.id)
    expect(new Set(own).size, 'ids are unique').toBe(own.length)
    expect(inOrder(plan.steps)).toHaveLength(own.length)
    for (const step of plan.steps)
      for (const other of [...step.after, ...(step.needs ?? [])])
        expect(ids, `${step.id} waits for ${other}`).toContain(other)
  }
}

/** What both kinds of recovery owe once somebody is to be opened. */
function expectOpeningOrder(plan: Plan): void {
  const [open] = ofKind(plan, 'open_server')
  expect(ofKind(plan, 'open_server')).toHaveLength(1)
  if (open?.kind !== 'open_server') return
  waits(plan, open, ofKind(plan, 'barrier'))
  const gates: readonly StepKind[] = ['stop_applier', 'semi_sync_source', 'count_ackers', 'drain']
  for (const kind of gates)
    waits(
      plan,
      open,
      ofKind(plan, kind).filter(
        (s) => 'server' in s && s.server === open.server && s.id !== `source_off:${plan.subject}`,
      ),
    )
  for (const told of ofKind(plan, 'announce')) waits(plan, told, [open])
  waits(
    plan,
    ofKind(plan, 'crown')[0] ?? open,
    [open].filter((s) => s.id !== 'crown'),
  )
  for (const reset of ofKind(plan, 'reset_channel')) waits(plan, reset, [open, ...ofKind(plan, 'announce')])
}

function expectFailoverOrder(setting: Setting, plan: Plan): void {
  expectOpeningOrder(plan)
  const winner = plan.mints?.winner
  const count = ofKind(plan, 'count_ackers')[0]
  const [source] = plan.steps.filter((s) => s.kind === 'semi_sync_source' && s.server === winner)
  const drains = ofKind(plan, 'drain').filter((s) => s.kind === 'drain' && s.server === winner)
  const stopped = ofKind(plan, 'stop_applier')
  expect(drains, 'the winner drains').toHaveLength(1)
  for (const stop of stopped) waits(plan, stop, drains)
  if (source) waits(plan, source, [...drains, ...stopped])
  for (const attach of ofKind(plan, 'attach')) {
    if (attach.kind !== 'attach' || attach.id.startsWith('catch_up')) continue
    const counted = count?.kind === 'count_ackers' && count.ackers.includes(attach.server)
    if (counted && count) waits(plan, count, [attach])
    else waits(plan, attach, [...ofKind(plan, 'open_server'), ...ofKind(plan, 'announce')])
    if (setting.flavour === 'mariadb' && counted) waits(plan, attach, drains)
    if (counted) expectHeldMeanwhile(setting, plan, attach)
  }
}

/** While CHANGE drops what this acker has not applied, somebody else who is sealed still holds it, or it has applied it. */
function expectHeldMeanwhile(setting: Setting, plan: Plan, attach: Step<'attach'>): void {
  if (attach.keepRelayLog) return
  const replica = setting.replicas[Number(attach.server.slice(1)) - 2]
  if (replica === undefined || replica.applied === replica.received) return
  const drains = ofKind(plan, 'drain').some(
    (s) => s.kind === 'drain' && s.server === attach.server && before(plan, attach.id).has(s.id),
  )
  const moved = ofKind(plan, 'count_ackers').flatMap((s) => (s.kind === 'count_ackers' ? s.ackers : []))
  const untouched = setting.replicas.some(
    (r, i) => r.answers && `s${i + 2}` !== plan.mints?.winner && !moved.includes(`s${i + 2}` as never),
  )
  expect(drains || untouched, `${attach.id} drops what only it holds`).toBe(true)
}

function expectRefusal(planned: Planned): void {
  if (planned.kind !== 'refusal') return
  expect(planned.reasons.length).toBeGreaterThan(0)
  for (const reason of planned.reasons)
    for (const text of [reason.code, reason.says, reason.tryThis]) expect(text, JSON.stringify(reason)).toMatch(/\S/)
}

describe('every plan that the planners can make', () => {
  test('failover: the partial order holds in the edges, and refusals say what to do', () => {
    let plans = 0
    fc.assert(
      fc.property(settings, (setting) => {
        const situation = situationOf(setting)
        const act1 = planFailoverAct1(situation)
        expectRefusal(act1)
        const act2 = planFailoverAct2(situation, sealedOf(setting))
        expectRefusal(act2)
        if (act1.kind === 'plan') {
          expect(
            act1.plan.steps.every((s) => s.kind !== 'attach' && s.kind !== 'reset_channel' && s.kind !== 'drain'),
          ).toBe(true)
          expectSound([act1.plan])
        }
        if (act2.kind !== 'plan') return
        plans += 1
        expect(ofKind(act2.plan, 'seal').every((s) => s.id.startsWith('seal_again'))).toBe(true)
        if (act1.kind === 'plan') expectSound([act1.plan, act2.plan])
        expectFailoverOrder(setting, act2.plan)
      }),
      { numRuns: RUNS },
    )
    expect(plans).toBeGreaterThan(RUNS / 20)
  })

  test('switchover: closed before it is reached, reached before it is sealed, all ready before the opening', () => {
    let plans = 0
    fc.assert(
      fc.property(settings, (setting) => {
        const situation = situationOf({ ...setting, subjectState: 'answers' })
        const act1 = planSwitchoverAct1(situation)
        expectRefusal(act1)
        if (act1.kind !== 'plan') return
        plans += 1
        const { plan } = act1
        expectSound([plan])
        const close = ofKind(plan, 'close_server')
        const winner = plan.switchover?.winner
        for (const step of plan.steps) {
          if (step.kind === 'reach' && step.of === plan.subject) waits(plan, step, close)
          if (step.kind === 'seal' && step.server === winner)
            waits(plan, step, [...close, ...plan.steps.filter((s) => s.id === `reach:${winner}`)])
          if (step.kind === 'count_ackers') waits(plan, step, ofKind(plan, 'attach'))
          if (step.id === `still:${winner}`)
            waits(plan, step, [
              ...ofKind(plan, 'count_ackers'),
              ...ofKind(plan, 'semi_sync_source'),
              ...ofKind(plan, 'stop_applier'),
            ])
          if (step.kind !== 'close_server' && STARTS_SOMETHING.includes(step.kind))
            expect(step.undo, step.id).toBeDefined()
        }
        // Trap 35: only MariaDB's read_only leaves anybody out, who is cut before the closing and looked for once more at the end.
        const barred = ofKind(plan, 'cut_clients')
        expect(barred).toHaveLength(setting.flavour === 'mariadb' ? 1 : 0)
        for (const step of close) waits(plan, step, barred)
        expect(plan.steps.some((s) => s.id === `still:${winner}`)).toBe(setting.flavour === 'mariadb')
        expect(plan.risks.some((r) => r.code === 'privileged_accounts')).toBe(setting.flavour === 'mariadb')
        const act2 = planSwitchoverAct2(situation, plan)
        expectRefusal(act2)
        if (act2.kind !== 'plan') return
        expectOpeningOrder(act2.plan)
        for (const told of act2.plan.steps)
          if (told.kind === 'announce')
            waits(
              act2.plan,
              told,
              act2.plan.steps.filter((s) => s.id === `end:${told.route}`),
            )
      }),
      { numRuns: RUNS },
    )
    expect(plans).toBeGreaterThan(RUNS / 50)
  })
})

const STARTS_SOMETHING: readonly StepKind[] = ['withdraw_route', 'seal', 'stop_applier', 'attach', 'semi_sync_source']

describe('the ranking', () => {
  const ranked = (replicas: Setting['replicas'], flavour: Setting['flavour'] = 'mysql') => {
    const situation = situationOf({ ...A_SETTING, flavour, replicas })
    return rank(situation, followers(situation))
  }

  test('trap 2: whoever received most leads, though it has applied less', () => {
    for (const flavour of ['mysql', 'mariadb'] as const) {
      const { winner } = ranked(
        [
          { ...A_REPLICA, received: 9, applied: 9 },
          { ...A_REPLICA, received: 10, applied: 3 },
        ],
        flavour,
      )
      expect(winner?.id).toBe('s3')
    }
  })

  test('an avoided server leads only where nobody else can; the other catches up from it', () => {
    const { winner, mostAdvanced } = ranked([
      { ...A_REPLICA, received: 8, applied: 8 },
      { ...A_REPLICA, preference: 'avoid' },
    ])
    expect([winner?.id, mostAdvanced?.id]).toEqual(['s2', 's3'])
    expect(ranked([{ ...A_REPLICA, preference: 'avoid' }]).winner?.id).toBe('s2')
  })

  test('never is never, even alone', () => {
    expect(ranked([{ ...A_REPLICA, preference: 'never' }]).winner).toBeUndefined()
  })

  test('a preferred server leads among equals, and not where it received less', () => {
    expect(ranked([A_REPLICA, { ...A_REPLICA, preference: 'prefer' }]).winner?.id).toBe('s3')
    expect(ranked([A_REPLICA, { ...A_REPLICA, preference: 'prefer', received: 9, applied: 9 }]).winner?.id).toBe('s2')
  })
})

describe('the login of the replication account', () => {
  const withReceiver = (receiver: 'running' | 'stopped', code?: number) => {
    const situation = situationOf({
      ...A_SETTING,
      subjectState: 'answers',
      replicas: [A_REPLICA, A_REPLICA, A_REPLICA],
    })
    const members = situation.topology.members.map((m) => {
      const { latest } = m.sighting
      if (m.id !== 's4' || latest.kind !== 'answered') return m
      const error = code === undefined ? {} : { receiverError: { code, message: 'denied' } }
      const channels = latest.status.channels.map((c) => ({ ...c, receiver, ...error }))
      return { ...m, sighting: { ...m.sighting, latest: { ...latest, status: { ...latest.status, channels } } } }
    })
    return { ...situation, topology: { ...situation.topology, members } }
  }
  const risksOf = (planned: Planned): readonly string[] =>
    planned.kind === 'plan' ? planned.plan.risks.flatMap((r) => (r.code === 'replication_login' ? [r.says] : [])) : []

  test('refused by the source: both plans name the server and the error as a risk', () => {
    for (const planned of [
      planSwitchoverAct1(withReceiver('stopped', 1045)),
      planFailoverAct1(withReceiver('stopped', 1045)),
    ])
      expect(risksOf(planned)).toEqual([expect.stringMatching(/account of s4 could not log in .*1045/)])
  })

  test('to the present primary: refused as what it is', () => {
    const situation = situationOf({ ...A_SETTING, subjectState: 'answers', stopped: false })
    const planned = planSwitchoverAct1({ ...situation, wanted: situation.subject })
    expect(planned).toMatchObject({
      kind: 'refusal',
      reasons: [{ code: 'is_the_primary', says: 's1 is the primary already' }],
    })
  })

  test('not seen to work: a switchover names it; where every receiver runs nothing is named', () => {
    expect(risksOf(planSwitchoverAct1(withReceiver('stopped')))).toEqual([expect.stringContaining('not known to work')])
    expect(risksOf(planSwitchoverAct1(withReceiver('running')))).toEqual([])
    // After a death no receiver runs, and what they said of their source says nothing about their account.
    expect(risksOf(planFailoverAct1(withReceiver('stopped', 2003)))).toEqual([])
  })
})

describe('a switchover without a candidate names a way out', () => {
  const reasonOf = (replicas: Setting['replicas'], wanted?: string) => {
    const situation = situationOf({ ...A_SETTING, subjectState: 'answers', stopped: false, replicas })
    const planned = planSwitchoverAct1({ ...situation, ...(wanted === undefined ? {} : { wanted: serverId(wanted) }) })
    return planned.kind === 'refusal' ? planned.reasons.find((r) => r.code === 'no_candidate') : undefined
  }
  const BROKEN = { ...A_REPLICA, applier: 'stopped', broken: true } as const

  test('the one that was asked for may not lead, and another could: leave --to out', () => {
    const reason = reasonOf([A_REPLICA, BROKEN], 's3')
    expect(reason?.says).toBe('s3 may not become the primary: its applier is broken: 1062 duplicate')
    expect(reason?.tryThis).toContain('leave --to out (s2 would lead): regent switchover shop')
    expect(reason?.tryThis).toContain('mend what stands against s3')
  })

  test('the one that was asked for does not follow: it is led back first', () => {
    const reason = reasonOf([A_REPLICA, { ...A_REPLICA, answers: false }], 's3')
    expect(reason?.says).toContain('it does not answer, or does not follow the primary')
    expect(reason?.tryThis).toContain('regent rejoin s3')
  })

  test('nobody may lead: each is listed with what stands against it', () => {
    for (const wanted of [undefined, 's3']) {
      const reason = reasonOf([{ ...A_REPLICA, preference: 'never' }, BROKEN], wanted)
      expect(reason?.says).toContain('s2: promotion: never; s3: its applier is broken')
      expect(reason?.tryThis).toBe('mend what stands against one of them, then: regent switchover shop')
    }
  })

  test('nobody answers: one is to be brought back', () => {
    const reason = reasonOf([{ ...A_REPLICA, answers: false }])
    expect(reason?.says).toContain('none answers')
    expect(reason?.tryThis).toContain('bring a replica back')
  })
})
