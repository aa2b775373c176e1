import { describe, expect, test } from 'vitest'
import { planFailoverAct1 } from '../src/decide/recover/failover-act1.ts'
import { planFailoverAct2 } from '../src/decide/recover/failover-act2.ts'
import type { Situation } from '../src/decide/recover/situation.ts'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'
import type { Plan } from '../src/model/plan.ts'
import { A_REPLICA, A_SETTING, type Setting, sealedOf, situationOf } from './simulate-situations.ts'

const FLAVOURS = ['mysql', 'mariadb'] as const

const act2Of = (setting: Setting): Plan => {
  const planned = planFailoverAct2(situationOf(setting), sealedOf(setting))
  if (planned.kind !== 'plan') throw new Error(JSON.stringify(planned.reasons))
  return planned.plan
}

function waitsFor(plan: Plan, id: string): ReadonlySet<string> {
  const known = new Set<string>()
  const visit = (step: string): void => {
    for (const before of plan.steps.find((s) => s.id === step)?.after ?? []) {
      if (known.has(before)) continue
      known.add(before)
      visit(before)
    }
  }
  visit(id)
  return known
}

describe.each(FLAVOURS)('on %s', (flavour) => {
  test('trap 4: a site that may not lead is vetoed before the first change, not after the replicas were repointed', () => {
    const near: Situation = situationOf({ ...A_SETTING, flavour, policy: { sites: { other: 'never' } } })
    const members = near.topology.members.map((m) => ({
      ...m,
      declared: { ...m.declared, site: m.id === near.subject ? 'east' : 'west' },
    }))
    const planned = planFailoverAct1({ ...near, topology: { ...near.topology, members } })
    expect(planned).toMatchObject({ kind: 'refusal', reasons: [{ code: 'no_candidate' }] })
  })

  test('trap 83: the reset of the winner’s old channel waits for nobody who is repointed beside it', () => {
    const plan = act2Of({ ...A_SETTING, flavour, replicas: [A_REPLICA, A_REPLICA, A_REPLICA] })
    const reset = plan.steps.find((s) => s.kind === 'reset_channel')
    const counted = plan.steps.flatMap((s) => (s.kind === 'count_ackers' ? s.ackers : []))
    const rest = plan.steps.filter((s) => s.kind === 'attach' && !counted.includes(s.server)).map((s) => s.id)
    expect(rest).not.toEqual([])
    expect(rest.filter((id) => waitsFor(plan, reset?.id ?? '').has(id))).toEqual([])
  })

  test('trap 88: a drained acker is taken before one whose relay log would be dropped', () => {
    const behind = { ...A_REPLICA, applied: 3 }
    const plan = act2Of({
      ...A_SETTING,
      flavour,
      replicas: [A_REPLICA, behind, { ...A_REPLICA, received: 9, applied: 9 }],
    })
    const count = plan.steps.find((s) => s.kind === 'count_ackers')
    expect(plan.mints?.winner).toBe('s2')
    expect(count?.kind === 'count_ackers' && count.ackers).toEqual(['s4'])
  })
})

test('trap 77: after a failover on MySQL the incident says why clients may fail with 2061', async () => {
  const scene = new Scene({ ...A_SCENE, flavour: 'mysql' })
  await scene.steady()
  scene.universe.kill('s1')
  expect(await scene.timeline.run(() => scene.primary()?.name !== 's1' && scene.led(), 2000), scene.tell()).toBe(true)
  await scene.timeline.pass(2000)
  const [office] = scene.processes.flatMap((p) => p.daemon.keepers().map((k) => k.office))
  const [latest] = office ? await office.journal.list(office.cluster, 1) : []
  expect(latest?.events.map((e) => e.says).join()).toContain('2061')
})
