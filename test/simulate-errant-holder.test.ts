import { describe, expect, test } from 'vitest'
import { planFailoverAct2 } from '../src/decide/recover/failover-act2.ts'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'
import type { History } from '../src/model/history.ts'
import { A_REPLICA, A_SETTING, sealedOf, situationOf } from './simulate-situations.ts'

const S3 = 's3'
const OF_S3 = 3

/** One transaction of its own: a local ANALYZE TABLE is enough. */
function withOwnWrite(history: History): History {
  if (history.kind === 'mysql') {
    const own = { uuid: S3, tag: '', bounds: [1, 2] }
    const { executed, received } = history
    return { ...history, executed: { parts: [...executed.parts, own] }, received: { parts: [...received.parts, own] } }
  }
  if (history.kind !== 'mariadb') return history
  const domains = history.binlogState.domains.map((d) => ({
    ...d,
    gtids: [...d.gtids.slice(0, 1).map((gtid) => ({ ...gtid, server: OF_S3, seq: 11 })), ...d.gtids],
  }))
  return { ...history, binlogState: { ...history.binlogState, domains } }
}

describe.each(['mysql', 'mariadb'] as const)('on %s, a replica with an errant transaction', (flavour) => {
  test.each([
    [10, 'plan'],
    [12, 'refusal'],
  ])('that received %d rows beside the 10 of the winner: a %s', (received, expected) => {
    const setting = { ...A_SETTING, flavour, replicas: [A_REPLICA, { ...A_REPLICA, received, applied: received }] }
    const sealed = new Map(
      [...sealedOf(setting)].map(([id, status]) => [
        id,
        id === S3 ? { ...status, history: withOwnWrite(status.history) } : status,
      ]),
    )
    const planned = planFailoverAct2(situationOf(setting), sealed)
    expect(planned.kind).toBe(expected)
    if (planned.kind === 'refusal') expect(planned.reasons[0]?.says).toContain('s3 received what the others lack')
  })

  test('that alone acknowledged the newest rows is not passed over: nothing acknowledged is lost', async () => {
    const scene = new Scene({ ...A_SCENE, flavour, servers: 3, writeEveryMs: 20 })
    await scene.steady()
    const s3 = scene.universe.named(S3)
    s3.append(s3.nextTransaction(999_999))
    await scene.timeline.pass(1000)
    scene.universe.cutLink('s1', 's2')
    await scene.timeline.pass(400)
    scene.universe.kill('s1')
    await scene.timeline.pass(10)
    scene.universe.heal()
    const opened = () => (scene.reign()?.epoch ?? 1) >= 2 && scene.reign()?.state === 'open'
    const over = await scene.timeline.run(opened, 20_000)
    const primary = scene.primary()
    expect(over && primary ? scene.lostOn(primary) : 0, scene.tell()).toBe(0)
  })
})
