import { expect, test } from 'vitest'
import { clusterId, epoch, recoveryId, serverId, wallTime } from '../../model/ids.ts'
import type { Outcome } from '../../model/outcome.ts'
import type { Plan } from '../../model/plan.ts'
import type { Reign } from '../../model/reign.ts'
import type { Step } from '../../model/step.ts'
import type { RecoveryRecord } from '../../ports/journal.ts'
import { epochBefore, lastOpenBefore, settledBy } from './opening.ts'

const cluster = clusterId('c1')
const reign = (number: number, primary: string, state: Reign['state']): Reign => ({
  ...{ cluster, epoch: epoch(number), primary: serverId(primary), state },
  ...{ semiSync: { kind: 'off' }, openedAt: '', at: wallTime(number) },
})

const seal = (server: string): Step => ({
  ...{ kind: 'seal', id: `seal:${server}`, server: serverId(server), channel: '', killAfterMs: 300 },
  ...{ after: [], deadlineMs: 1000, ifItFails: 'count_missing' },
})

const plan = (act: 1 | 2, steps: readonly Step[]): Plan => ({
  ...{ version: 1, recovery: recoveryId('r1'), cluster, kind: 'failover', act, subject: serverId('s1'), steps },
  ranking: [],
  risks: [
    { code: 'acker_left_out', says: 's4 does not count' },
    { code: 'fewer_ackers', says: 'lowered' },
  ],
  fence: { demand: { atLeast: 'stopped', alsoRoutes: false }, because: '' },
  because: 'nothing is lost',
  ...(act === 2 ? { mints: { epoch: epoch(2), winner: serverId('s2'), semiSync: { kind: 'off' } } } : {}),
})

const recordWith = (outcomes: Readonly<Record<string, Outcome | undefined>>): RecoveryRecord => ({
  ...{ id: recoveryId('r1'), cluster, kind: 'failover', subject: serverId('s1'), state: 'act2', automatic: true },
  ...{ startedAt: wallTime(0), because: '', events: [], refusals: [] },
  plans: [plan(1, Object.keys(outcomes).map(seal)), plan(2, [])],
  steps: Object.entries(outcomes).map(([server, outcome]) => ({
    key: `1/seal:${server}`,
    ...(outcome ? { record: { step: `seal:${server}`, startedAt: 0, tookMs: 1, outcome } } : {}),
  })),
})

const DONE: Outcome = { kind: 'done', says: 'stopped' }
const FAILED: Outcome = { kind: 'failed', code: 'broken', says: 'it broke' }

test('what a recovery settled about loss is taken from its second act: of its risks, only those about loss', () => {
  expect(settledBy(recordWith({ s2: DONE, s3: FAILED }))).toMatchObject({
    recovery: 'r1',
    says: 'nothing is lost',
    risks: [{ code: 'acker_left_out' }],
  })
})

test('a seal whose end is not on record may have held the most: then nothing is known to have been settled', () => {
  expect(settledBy(recordWith({ s2: DONE, s3: undefined }))).toBeUndefined()
})

test('clients were promised something by the last reign that was open, in whatever order the store tells them', () => {
  const reigns = [reign(4, 's4', 'opening'), reign(3, 's3', 'opening'), reign(2, 's2', 'open'), reign(1, 's1', 'open')]
  const present = reigns[0] ?? reign(4, 's4', 'opening')
  expect(lastOpenBefore(reigns, present)?.primary).toBe('s2')
  expect(lastOpenBefore([...reigns].reverse(), present)?.primary).toBe('s2')
  expect(epochBefore(reigns, present)).toBe(3)
})
