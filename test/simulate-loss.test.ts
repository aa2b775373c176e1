import { describe, expect, test } from 'vitest'
import { planFailoverAct1 } from '../src/decide/recover/failover-act1.ts'
import { ackerSet, settleLoss } from '../src/decide/recover/loss.ts'
import { serverId } from '../src/model/ids.ts'
import { A_REPLICA, A_SETTING, type Setting, situationOf } from './simulate-situations.ts'

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
            sealed.map((i) => serverId(`s${i + 2}`)),
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
