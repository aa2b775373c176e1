import { describe, expect, test } from 'vitest'
import { planFailoverAct1 } from '../src/decide/recover/failover-act1.ts'
import { ackerSet, losslessSource, settleLoss } from '../src/decide/recover/loss.ts'
import { followers, type Situation } from '../src/decide/recover/situation.ts'
import type { SemiSyncSource } from '../src/model/server.ts'
import { A_SETTING, situationOf } from './simulate-situations.ts'

/** A primary whose semi-sync was set otherwise when it was last read. */
function set(flavour: 'mysql' | 'mariadb', over: Partial<SemiSyncSource>): Situation {
  const situation = situationOf({ ...A_SETTING, flavour })
  const { lastReading } = situation
  if (lastReading?.status.semiSync.kind !== 'present') throw new Error('no semi-sync was read')
  const { semiSync } = lastReading.status
  const status = { ...lastReading.status, semiSync: { ...semiSync, source: { ...semiSync.source, ...over } } }
  return { ...situation, lastReading: { ...lastReading, status } }
}

const NOT_LOSSLESS: readonly (readonly [string, Partial<SemiSyncSource>])[] = [
  ['others see a write before a replica has it (AFTER_COMMIT)', { waitPoint: 'after_commit' }],
  ['it stops waiting after 10 s', { timeoutMs: 10_000 }],
  ['it does not wait without replicas', { waitsWithoutReplicas: false }],
  ['it had fallen back already', { operational: false }],
  ['its source side was off', { enabled: false }],
]

describe.each(['mysql', 'mariadb'] as const)('trap 61: on %s', (flavour) => {
  test('semi-sync that waits before a write is seen, for ever, proves that nothing is lost', () => {
    const situation = set(flavour, {})
    expect(losslessSource(situation.lastReading?.status)).toBeDefined()
    expect(settleLoss(situation, followers(situation), undefined).kind).toBe('proven')
  })

  test.each(NOT_LOSSLESS)('nothing is proven where %s, though every acker is sealed', (_, over) => {
    const situation = set(flavour, over)
    expect(ackerSet(situation)).toBeUndefined()
    expect(settleLoss(situation, followers(situation), undefined).kind).not.toBe('proven')
    const demanded = { ...situation, policy: { ...situation.policy, loss: { kind: 'proven' } as const } }
    expect(settleLoss(demanded, followers(demanded), undefined)).toMatchObject({
      kind: 'refused',
      refusal: { reasons: [{ code: 'loss_not_provable' }] },
    })
  })
})

test('trap 60: clients of a living primary are cut when every replica is sealed, so that no commit is on its way any more', () => {
  for (const flavour of ['mysql', 'mariadb'] as const) {
    const planned = planFailoverAct1(situationOf({ ...A_SETTING, flavour, subjectState: 'answers' }))
    const steps = planned.kind === 'plan' ? planned.plan.steps : []
    const seals = steps.filter((s) => s.kind === 'seal').map((s) => s.id)
    expect(seals.length).toBeGreaterThan(0)
    expect(steps.find((s) => s.kind === 'cut_clients')?.after).toEqual(expect.arrayContaining(seals))
  }
})
