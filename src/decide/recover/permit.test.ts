import { describe, expect, test } from 'vitest'
import { DEFAULT_POLICY } from '../../model/policy.ts'
import { type PermitQuestion, permit } from './permit.ts'

const NOW = 1_000_000_000
const QUESTION: PermitQuestion = { alias: 'shop', policy: DEFAULT_POLICY, now: NOW, unprovenVersions: [] }
const pause = { reason: 'storage work', by: 'ann', until: NOW + 1 }

/** Codes of the reasons against it; none where it may act. */
const against = (over: Partial<PermitQuestion>): readonly string[] => {
  const answer = permit({ ...QUESTION, ...over })
  return answer.kind === 'granted' ? [] : answer.reasons.map((r) => r.code)
}

describe('whether Regent may act by itself', () => {
  test.each<[string, Partial<PermitQuestion>, readonly string[]]>([
    ['it may where nothing speaks against it', {}, []],
    ['not where policy says ask', { policy: { ...DEFAULT_POLICY, recovery: 'ask' } }, ['manual']],
    ['not while somebody has paused it', { pause }, ['paused']],
    ['it may when the pause is over', { pause: { ...pause, until: NOW } }, []],
    ['not soon after the last one', { lastCompleted: NOW - DEFAULT_POLICY.antiFlappingMs + 1 }, ['anti_flapping']],
    ['it may once that is long enough ago', { lastCompleted: NOW - DEFAULT_POLICY.antiFlappingMs }, []],
    [
      'it may at once where anti-flapping is off',
      { lastCompleted: NOW, policy: { ...DEFAULT_POLICY, antiFlappingMs: 0 } },
      [],
    ],
    ['not beside a recovery that is not finished', { openRecovery: 'r-1' }, ['recovery_open']],
    ['not on a version that no test ran on', { unprovenVersions: ['mysql 8.4'] }, ['version_not_proven']],
    ['and every reason is named', { pause, openRecovery: 'r-1' }, ['paused', 'recovery_open']],
  ])('%s', (_, over, codes) => {
    expect(against(over)).toEqual(codes)
  })

  test('every no names its way out', () => {
    const answer = permit({ ...QUESTION, pause, unprovenVersions: ['mysql 8.4'] })
    expect(answer).toMatchObject({
      reasons: [{ tryThis: 'regent resume shop' }, { tryThis: expect.stringContaining('trust_versions: [mysql 8.4]') }],
    })
  })
})
