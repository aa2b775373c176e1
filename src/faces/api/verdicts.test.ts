import { expect, test } from 'vitest'
import { aRecovery } from '../../../test/made-up.ts'
import type { PrimaryDiagnosis } from '../../model/diagnosis.ts'
import { withVerdict } from './verdicts.ts'

const saying = (because: string): PrimaryDiagnosis => ({
  verdict: 'dead',
  row: 'dead',
  because,
  remedy: 'fail_over',
  targets: [],
  evidence: [],
})
const recovery = aRecovery({ startedAt: 1000, because: 'it is dead' })

test('a recovery carries the verdict that was in force when it began', () => {
  const verdict = { at: 990, diagnosis: saying('it is dead') }
  const verdicts = [
    { at: 1100, diagnosis: saying('all is well') },
    verdict,
    { at: 10, diagnosis: saying('it is dead') },
  ]
  expect(withVerdict(recovery, verdicts).verdict).toEqual(verdict)
})

test('a recovery that was begun for another reason carries none', () => {
  const verdicts = [
    { at: 900, diagnosis: saying('all is well') },
    { at: 10, diagnosis: saying('it is dead') },
  ]
  expect(withVerdict(recovery, verdicts)).not.toHaveProperty('verdict')
})
