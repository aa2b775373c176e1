import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { type Level, lineOf, openLog, type Told } from './compose-log.ts'
import { aStatus } from './decide/diagnose/status.testing.ts'
import type { Diagnosis } from './model/diagnosis.ts'
import { clusterId, recoveryId, serverId, wallTime } from './model/ids.ts'
import { done } from './model/outcome.ts'
import type { Plan } from './model/plan.ts'
import type { Step } from './model/step.ts'

const ID = 'aaaaaaaa-0000-0000-0000-000000000001'
const ADDRESS = 'db1:3306'
const PLACE = { alias: 'shop', names: { [ID]: ADDRESS } }
/** Stands wherever an event holds more than its line is to say. */
const SECRET = 'hunter2'

const STATUS = aStatus('s1', { aliases: [{ host: SECRET, port: 1 }] })
const STEP: Step = {
  ...{ id: `open:${ID}`, kind: 'open_server', server: serverId(ID), after: [], deadlineMs: 1000, ifItFails: 'stop' },
  undo: { kind: 'withdraw_route', route: SECRET, sessions: 'leave' },
}
const PLAN: Plan = {
  ...{ version: 1, recovery: recoveryId('r1'), cluster: clusterId('c1'), kind: 'failover', act: 1 },
  subject: serverId(ID),
  steps: [STEP],
  ranking: [{ server: serverId(ID), eligible: true, reasons: [SECRET] }],
  risks: [{ code: 'may_lose', says: `${ID} may lose` }],
  fence: { demand: { atLeast: 'readonly', alsoRoutes: false }, because: SECRET },
  because: `${ID} is dead`,
}
const DIAGNOSIS: Diagnosis = {
  primary: {
    ...{ verdict: 'dead', row: 'all_refused', remedy: 'fail_over', because: `${ID} refuses`, targets: [] },
    evidence: [{ fact: 'primary', value: 'refused', readings: [SECRET] }],
  },
  replicas: [{ server: serverId(ID), finding: 'lagging', because: SECRET, evidence: [] }],
}
const OF = { cluster: clusterId('c1'), at: wallTime(0) }
const ID_OF = { ...OF, id: recoveryId('r1') }

/** One of each: a kind of event that has no row here does not compile. */
const EVENTS: { readonly [K in Told['kind']]: Extract<Told, { readonly kind: K }> } = {
  verdict: { ...OF, kind: 'verdict', diagnosis: DIAGNOSIS, tookMs: 12 },
  step: {
    ...ID_OF,
    kind: 'step',
    event: { act: 1, step: STEP, state: 'ended', outcome: done(`${ID} takes writes`, STATUS), tookMs: 7 },
  },
  plan: { ...ID_OF, kind: 'plan', plan: PLAN },
  recovery_began: { ...ID_OF, kind: 'recovery_began', what: 'failover', because: `${ID} is dead` },
  question: {
    ...ID_OF,
    kind: 'question',
    plan: PLAN,
    differs: [{ kind: 'other_winner', says: `${ID} would be opened` }],
  },
  answered: { ...ID_OF, kind: 'answered', answer: 'no' },
  recovery_ended: { ...ID_OF, kind: 'recovery_ended', state: 'succeeded', says: `${ID} is the primary` },
  refused: {
    ...OF,
    kind: 'refused',
    what: 'failover',
    reasons: [{ code: 'flapping', says: `${ID} failed over just now`, tryThis: 'regent history shop' }],
  },
  trouble: { ...OF, kind: 'trouble', says: `${ID} cannot be looked at` },
}

const EXPECTED: { readonly [K in Told['kind']]: readonly [Level, string, object] } = {
  verdict: ['info', 'verdict', { verdict: 'dead', row: 'all_refused', because: `${ADDRESS} refuses`, tookMs: 12 }],
  step: [
    'info',
    'step ended',
    { recovery: 'r1', step: `open:${ADDRESS}`, outcome: 'done', says: `${ADDRESS} takes writes`, tookMs: 7 },
  ],
  plan: [
    'info',
    'plan',
    {
      ...{ recovery: 'r1', act: 1, steps: 1, because: `${ADDRESS} is dead` },
      risks: [{ code: 'may_lose', says: `${ADDRESS} may lose` }],
    },
  ],
  recovery_began: ['warn', 'recovery began', { recovery: 'r1', what: 'failover', because: `${ADDRESS} is dead` }],
  question: ['warn', 'asked again', { recovery: 'r1', differs: [`${ADDRESS} would be opened`] }],
  answered: ['warn', 'answered', { recovery: 'r1', answer: 'no' }],
  recovery_ended: ['warn', 'recovery ended', { recovery: 'r1', state: 'succeeded', says: `${ADDRESS} is the primary` }],
  refused: [
    'warn',
    'refused',
    {
      what: 'failover',
      reasons: [{ code: 'flapping', says: `${ADDRESS} failed over just now`, tryThis: 'regent history shop' }],
    },
  ],
  trouble: ['error', 'trouble', { says: `${ADDRESS} cannot be looked at` }],
}
const PINO: Readonly<Record<Level, number>> = { info: 30, warn: 40, error: 50 }

function written(event: Told): string {
  const texts: string[] = []
  const to = new Writable({ write: (chunk, _, then) => then(void texts.push(String(chunk))) })
  const { level, message, facts } = lineOf(event, PLACE)
  openLog('1.2.3', to)[level](facts, message)
  return texts.join('')
}

test.each(Object.values(EVENTS))(
  '$kind is one line with its time, its level, its cluster and what is to be said',
  (event) => {
    const [level, msg, facts] = EXPECTED[event.kind]
    const text = written(event)
    expect(text.match(/\n/g)).toHaveLength(1)
    const { time, ...line } = JSON.parse(text)
    expect(line).toEqual({ level: PINO[level], version: '1.2.3', cluster: 'shop', msg, ...facts })
    expect(new Date(time).toISOString()).toBe(time)
  },
)

test.each(Object.values(EVENTS))('$kind says nothing that its line does not name', (event) => {
  expect(written(event)).not.toContain(SECRET)
})

test('a step that has only started has neither an outcome nor a time taken', () => {
  const { facts, message } = lineOf({ ...EVENTS.step, event: { act: 1, step: STEP, state: 'started' } }, PLACE)
  expect(message).toBe('step started')
  expect(facts).toEqual({ cluster: 'shop', recovery: 'r1', step: `open:${ADDRESS}` })
})

test('a GTID keeps the id of its server: whoever copies it needs it as it is', () => {
  const { facts } = lineOf({ ...EVENTS.trouble, says: `${ID} has ${ID}:1-5` }, PLACE)
  expect(facts['says']).toBe(`${ADDRESS} has ${ID}:1-5`)
})
