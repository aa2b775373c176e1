import { describe, expect, test } from 'vitest'
import { planFailoverAct1 } from '../src/decide/recover/failover-act1.ts'
import { ackerSet, settleLoss } from '../src/decide/recover/loss.ts'
import { followers } from '../src/decide/recover/situation.ts'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'
import { serverId } from '../src/model/ids.ts'
import { A_REPLICA, A_SETTING, type Setting, sealedOf, situationOf } from './simulate-situations.ts'

/** All subsets of n things, as lists of their numbers. */
const subsets = (n: number): readonly (readonly number[])[] =>
  Array.from({ length: 2 ** n }, (_, bits) => Array.from({ length: n }, (_, i) => i).filter((i) => bits & (1 << i)))

/** Every way in which a commit can have been acknowledged: at least k of the n hold it. */
const placements = (n: number, k: number): readonly (readonly number[])[] => subsets(n).filter((s) => s.length >= k)

describe('what can be proven about loss', () => {
  for (let n = 1; n <= 5; n++)
    for (let k = 1; k <= Math.min(3, n); k++)
      test(`${n} possible holders, wait count ${k}: proven exactly where every placement of the acknowledgements meets a sealed one`, () => {
        const setting: Setting = { ...A_SETTING, waitCount: k, replicas: Array.from({ length: n }, () => A_REPLICA) }
        const situation = situationOf(setting)
        expect(ackerSet(situation)?.holders).toHaveLength(n)
        for (const sealed of subsets(n)) {
          const safe = placements(n, k).every((holders) => holders.some((h) => sealed.includes(h)))
          const verdict = settleLoss(
            situation,
            followers(situation).filter((_, i) => sealed.includes(i)),
            undefined,
          )
          expect(verdict.kind === 'proven', `sealed ${sealed.join()}`).toBe(safe)
          if (!safe) expect(verdict.kind).toBe('refused')
        }
      })

  test('a replica that was absent and silent before the last reading does not count, and is named', () => {
    const gone = { ...A_REPLICA, attached: false, answers: false }
    const situation = situationOf({ ...A_SETTING, replicas: [A_REPLICA, gone] })
    expect(ackerSet(situation)).toMatchObject({ holders: ['s2'], mustSeal: 1, leftOut: [{ server: 's3' }] })
    expect(planFailoverAct1(situation).kind).toBe('plan')
  })

  test('one that answered after the last reading with its receiver running counts, though it was not attached', () => {
    const late = { ...A_REPLICA, attached: false }
    expect(ackerSet(situationOf({ ...A_SETTING, replicas: [A_REPLICA, late] }))?.holders).toEqual(['s2', 's3'])
  })

  test('replica and primary gone in the same instant: refused under proven, and it says how many are missing', () => {
    const gone = { ...A_REPLICA, answers: false }
    const planned = planFailoverAct1(situationOf({ ...A_SETTING, replicas: [A_REPLICA, gone] }))
    expect(planned).toMatchObject({ kind: 'refusal', reasons: [{ code: 'loss_not_provable' }] })
    if (planned.kind === 'refusal') expect(planned.reasons[0]?.says).toMatch(/1 of the 2 .* 2 are needed/)
  })
})

test('a replica that restarted since the primary was last read may have dropped what it acknowledged: it proves nothing', () => {
  const situation = situationOf(A_SETTING)
  const both = followers(situation)
  expect(settleLoss(situation, both, undefined).kind).toBe('proven')
  const members = situation.topology.members.map((m) => {
    const { answer } = m.sighting
    // Read at 9.5 s, the primary at 9 s: it has been up since then.
    return m.id === 's3' && answer
      ? { ...m, sighting: { ...m.sighting, answer: { ...answer, status: { ...answer.status, uptimeS: 0 } } } }
      : m
  })
  const restarted = { ...situation, topology: { ...situation.topology, members } }
  expect(settleLoss(restarted, both, undefined)).toMatchObject({
    kind: 'refused',
    refusal: { reasons: [{ code: 'loss_not_provable', says: expect.stringContaining('s3 restarted') }] },
  })
})

describe.each(['mysql', 'mariadb'] as const)('where semi-sync proves nothing, on %s', (flavour) => {
  const setting: Setting = {
    ...A_SETTING,
    flavour,
    waitCount: 0,
    primaryWrote: 12,
    policy: { loss: { kind: 'at_most', seconds: 10 } },
  }
  const historyAt = (primaryWrote: number) => {
    const status = situationOf({ ...setting, primaryWrote }).lastReading?.status
    if (!status) throw new Error('no reading')
    return status.history
  }
  /** s2 has received 10 of 12. */
  const settled = (...earlier: readonly { readonly wrote: number; readonly ageMs: number }[]) => {
    const situation = situationOf(setting)
    const best = sealedOf(setting).get(serverId('s2'))
    const { lastReading } = situation
    if (!lastReading) throw new Error('no reading')
    const kept = earlier.map(({ wrote, ageMs }) => ({ history: historyAt(wrote), ageMs }))
    return settleLoss(
      { ...situation, lastReading: { ...lastReading, earlier: kept } },
      best ? [{ id: serverId('s2'), status: best }] : [],
      best,
    )
  }

  test('the loss is as old as the newest reading that the winner has received all of, not as the last one', () => {
    expect(settled({ wrote: 11, ageMs: 1300 }, { wrote: 10, ageMs: 2300 }, { wrote: 9, ageMs: 3300 })).toMatchObject({
      kind: 'bounded',
      risks: [{ code: 'unproven_loss', seconds: 2.3 }],
    })
  })

  test('contained only in a reading that is older than the bound, or in none: refused, with the age', () => {
    expect(settled({ wrote: 11, ageMs: 9000 }, { wrote: 10, ageMs: 11_000 })).toMatchObject({
      kind: 'refused',
      refusal: { reasons: [{ code: 'loss_over_bound', says: expect.stringContaining('11.0 s old') }] },
    })
    expect(settled({ wrote: 11, ageMs: 9000 })).toMatchObject({
      kind: 'refused',
      refusal: { reasons: [{ says: expect.stringContaining('9.0 s before') }] },
    })
  })

  test('a busy primary without semi-sync is replaced within the bound, and the seconds that may be lost are named', async () => {
    const scene = new Scene({ ...A_SCENE, flavour, waitCount: 0, writeEveryMs: 10 })
    await scene.steady()
    await scene.timeline.pass(5000)
    // The replicas were cut off a moment before the death: nobody received the newest writes.
    for (const name of ['s2', 's3']) scene.universe.cutLink(name, 's1')
    await scene.timeline.pass(900)
    scene.universe.kill('s1')
    expect(await scene.timeline.run(() => scene.primary()?.name !== 's1' && scene.led(), 20_000), scene.tell()).toBe(
      true,
    )
    const risks = scene.processes.flatMap((p) => p.events.flatMap((e) => (e.kind === 'plan' ? e.plan.risks : [])))
    const named = risks.find((r) => r.code === 'unproven_loss')?.seconds
    expect(named, scene.tell()).toBeGreaterThan(0.5)
    expect(named).toBeLessThan(10)
  })
})
