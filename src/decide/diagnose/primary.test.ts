import { describe, expect, test } from 'vitest'
import { aCluster, type Story } from './building.testing.ts'
import { idOf } from './status.testing.ts'

/** s1 leads, s2 and s3 follow, all have been watched for two seconds. */
const running = (): Story => aCluster().primary('s1').replica('s2').replica('s3').busy('s1').pass(2000)

const remedyOf = (story: Story): string => story.diagnosis().primary.remedy

describe('a primary that is well', () => {
  test('is healthy while it answers and its replicas follow', () => {
    expect(running().row()).toBe('healthy')
  })

  test('is healthy without any replica', () => {
    expect(aCluster().primary('s1').pass(1000).row()).toBe('healthy')
  })
})

describe('a dead primary', () => {
  // covers W2, W14
  test('is dead at once when we and every replica are refused, and two looks after the report show no movement', () => {
    const story = running().dies('s1').closes('s1')
    expect(story.row()).toBe('in_doubt')
    story.sleep(1).look('s1', 's2', 's3').knock('s1', 'refused')
    expect(story.row()).toBe('not_proven_yet')
    const started = story.now
    story.sleep(5).look('s1', 's2', 's3')
    expect(story.row()).toBe('all_refused')
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'dead', remedy: 'fail_over', targets: [idOf('s1')] })
    expect(story.now - started).toBeLessThan(50)
  })

  // trap 87: only "2003, connection refused" taken as testimony
  test('trap 87: a reset (2013, errno 104) is testimony as good as a refusal (2003, errno 111)', () => {
    const story = running().dies('s1').closes('s1').sleep(1).look('s1', 's2', 's3').knock('s1', 'refused')
    const reports = ['s2', 's3'].map((name) => story.sighting(name).answer?.status.channels[0]?.receiverError?.code)
    expect(reports).toEqual([2003, 2013])
    expect(story.sleep(5).look('s1', 's2', 's3').row()).toBe('all_refused')
  })

  test('is not dead at once while one replica was receiving and reports nothing', () => {
    const story = running().link('s3', 'cut').dies('s1').closes('s1').sleep(1).look('s1', 's2', 's3')
    story.knock('s1', 'refused').sleep(5).look('s1', 's2', 's3')
    expect(story.row()).toBe('not_proven_yet')
    expect(story.pass(1700).row()).toBe('silent_for_all')
  })

  // trap 73: a firewall, a balancer or a VIP answers with a reset
  test('trap 73: a refusal at an address that may answer for others proves nothing; time must', () => {
    const story = running().distrust('s1').dies('s1').closes('s1').sleep(1).look('s1', 's2', 's3')
    story.knock('s1', 'refused').sleep(5).look('s1', 's2', 's3')
    expect(story.row()).toBe('not_proven_yet')
    expect(story.pass(1700).row()).toBe('silent_for_all')
  })

  test('is not dead at once while another of its addresses does not refuse', () => {
    const other = { host: 'db1', port: 3306 }
    const story = running()
      .says('s1', { aliases: [other] })
      .pass(200)
    story.dies('s1').closes('s1').sleep(1).look('s1', 's2', 's3').knock('s1', 'refused').sleep(5).look('s1', 's2', 's3')
    expect(story.row()).toBe('not_proven_yet')
    expect(story.knock('s1', 'silent', other).row()).toBe('not_proven_yet')
    expect(story.knock('s1', 'refused', other).row()).toBe('all_refused')
  })

  test('a knock from before the suspicion is no evidence for it', () => {
    const other = { host: 'db1', port: 3306 }
    const story = running()
      .says('s1', { aliases: [other] })
      .pass(200)
      .knock('s1', 'refused', other)
      .pass(200)
    story.dies('s1').closes('s1').sleep(1).look('s1', 's2', 's3').knock('s1', 'refused').sleep(5).look('s1', 's2', 's3')
    expect(story.row()).toBe('not_proven_yet')
  })

  test('a refusal that a replica reported while the primary still answered is not its testimony', () => {
    const story = running()
      .channel('s3', { receiver: 'connecting', receiverError: { code: 2003, message: '(111)' } })
      .link('s3', 'cut')
    story
      .pass(1000)
      .dies('s1')
      .closes('s1')
      .sleep(1)
      .look('s1', 's2', 's3')
      .knock('s1', 'refused')
      .sleep(5)
      .look('s1', 's2', 's3')
    const { facts, evidence } = story.folded()
    expect(facts).toMatchObject({ hearing: 'none_hear', proof: 'everyone_refused' })
    expect(evidence.find((e) => e.fact === 'witnesses')?.readings).toEqual(['1 do not hear it, 1 needed'])
  })

  test('a primary that refused us and served its replicas is dead as soon as these report it', () => {
    const story = running().toUs('s1', 'refusing').pass(1000)
    expect(story.row()).toBe('replicas_hear_a_refusing_one')
    story.dies('s1').sleep(100).look('s1', 's2', 's3').knock('s1', 'refused').sleep(5).look('s1', 's2', 's3')
    expect(story.row()).toBe('all_refused')
  })

  test('is not dead at once when a replica received something after its own report', () => {
    const story = running().dies('s1').look('s2', 's3').sleep(1).closes('s1').sleep(1)
    story.channel('s3', { receivedText: 'more' }).look('s1', 's2', 's3').knock('s1', 'refused').sleep(5)
    expect(story.look('s1', 's2', 's3').row()).toBe('not_proven_yet')
  })

  // covers W8
  test('is dead with some replicas when one of them went with it', () => {
    const story = running().vanishes('s1').vanishes('s3').pass(1000)
    expect(story.row()).toBe('not_proven_yet')
    expect(story.pass(1000).row()).toBe('silent_for_those_who_answer')
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'dead_with_some_replicas', remedy: 'fail_over' })
  })

  // covers W8
  test('is never failed over when all replicas are gone too: a site or our own network failed', () => {
    const story = running().vanishes('s1').vanishes('s2').vanishes('s3').pass(5000)
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'dead_with_all_replicas', remedy: 'tell', targets: [] })
  })

  test('without replicas it is told, for there is nobody to take over', () => {
    const story = aCluster().primary('s1').pass(1000).dies('s1').pass(3000)
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'dead_without_replicas', remedy: 'tell' })
  })

  test('needs as many witnesses as policy demands', () => {
    const story = running().with({ witnesses: 2 }).vanishes('s1').vanishes('s3').pass(3000)
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'limbo', row: 'too_few_witnesses', remedy: 'tell' })
  })

  test('a downtimed replica neither counts nor testifies', () => {
    const story = running().downtime('s3').vanishes('s1').vanishes('s3').pass(3000)
    expect(story.row()).toBe('silent_for_all')
    expect(running().downtime('s3').vanishes('s1').vanishes('s2').pass(3000).row()).toBe('nobody_answers')
    expect(running().downtime('s2').downtime('s3').vanishes('s1').pass(3000).row()).toBe('nobody_follows')
  })
})

describe('a primary that only we cannot reach', () => {
  // covers W3
  test('is not failed over while replicas hear it, however long', () => {
    const story = running().toUs('s1', 'cut')
    for (let i = 0; i < 20; i++) expect(remedyOf(story.pass(500))).not.toBe('fail_over')
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'unreachable_from_here', remedy: 'watch' })
  })

  test('is not failed over while one replica of two still hears it', () => {
    const story = running().toUs('s1', 'cut').link('s2', 'cut').pass(5000)
    expect(story.row()).toBe('replicas_hear_a_silent_one')
  })

  // trap 15: heartbeat counters as proof of life: blind while the binlog is busy
  test('trap 15: heard by events alone when there are no heartbeats, and by heartbeats alone when there are no events', () => {
    const busy = aCluster().primary('s1').replica('s2', 's1', { heartbeatPeriodMs: 0 }).busy('s1').pass(2000)
    expect(busy.toUs('s1', 'cut').pass(5000).row()).toBe('replicas_hear_a_silent_one')
    const idle = aCluster().primary('s1').replica('s2').pass(2000)
    expect(idle.toUs('s1', 'cut').pass(5000).row()).toBe('replicas_hear_a_silent_one')
  })

  test('refusing us and serving its replicas is no death', () => {
    const story = running().toUs('s1', 'refusing').pass(5000)
    expect(story.knock('s1', 'refused').diagnosis().primary).toMatchObject({
      verdict: 'refuses_but_serves_replicas',
      remedy: 'tell',
    })
  })

  // covers W4
  test.each([
    ['too_many_connections', 1040],
    ['access_denied', 1045],
    ['host_blocked', 1129],
  ] as const)('%s is a sign of life, not a death', (denial, errno) => {
    const story = running().toUs('s1', { denial, errno }).channel('s2', { receiver: 'stopped' }).pass(5000)
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'denies_us', remedy: 'tell' })
  })

  // covers W4
  test('silence is counted from the last denial, not from the first trouble', () => {
    const story = running().toUs('s1', { denial: 'too_many_connections', errno: 1040 }).pass(5000)
    story.freezes('s1').pass(1000)
    expect(story.row()).toBe('not_proven_yet')
    expect(story.pass(1000).row()).toBe('silent_for_all')
  })

  test('a replica that its source turns away speaks of a living source', () => {
    const story = running().toUs('s1', 'cut').link('s3', 'cut').pass(300)
    story.channel('s2', {
      receiver: 'connecting',
      receiverError: { code: 1045, message: 'Access denied for user repl' },
    })
    expect(remedyOf(story.pass(1000))).toBe('watch')
  })

  test('a report of having been turned away outlives its source: after a window it says nothing any more', () => {
    const story = aCluster().primary('s1').replica('s2').busy('s1').pass(1000).toUs('s1', 'cut')
    story.channel('s2', {
      receiver: 'connecting',
      receiverError: { code: 1045, message: 'Access denied for user repl' },
    })
    expect(story.pass(1000).row()).toBe('replicas_hear_a_silent_one')
    expect(story.pass(3000).row()).toBe('no_witness')
  })

  test('a replica that was turned away before is no sign of life now', () => {
    const story = aCluster().primary('s1').replica('s2').busy('s1').pass(1000)
    story.channel('s2', {
      receiver: 'connecting',
      receiverError: { code: 1045, message: 'Access denied for user repl' },
    })
    expect(story.pass(500).toUs('s1', 'cut').pass(300).folded().facts.hearing).toBe('no_witness')
  })
})

describe('a frozen primary', () => {
  // covers W6
  test('is dead after the window: connections exist and carry nothing, receivers still say that they run', () => {
    const story = running().freezes('s1').pass(1400)
    expect(story.row()).toBe('not_proven_yet')
    expect(story.sighting('s2').answer?.status.channels[0]?.receiver).toBe('running')
    expect(story.pass(400).row()).toBe('silent_for_all')
  })

  // covers W6
  test('stays in limbo while a replica has heartbeats too slow to tell, until three of them are missing', () => {
    const story = aCluster().primary('s1').replica('s2', 's1', { heartbeatPeriodMs: 5000 }).busy('s1').pass(2000)
    story.freezes('s1').pass(5000)
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'limbo', row: 'nobody_can_tell', remedy: 'tell' })
    expect(story.pass(11_000).row()).toBe('silent_for_all')
  })

  // covers W5
  test('a locked primary whose replicas progress is heard, and left alone', () => {
    const story = running().toUs('s1', 'cut').pass(3000)
    const hearing = story.diagnosis().primary.evidence.find((e) => e.fact === 'hearing')
    expect(hearing?.value).toBe('some_hear')
    expect(hearing?.readings.join()).toContain('hears it')
    expect(remedyOf(story)).toBe('watch')
  })

  test('any sign of life starts the window again', () => {
    const story = running().freezes('s1').pass(1400)
    story.restarts('s1', 'writable').look('s1').freezes('s1').pass(1000)
    expect(story.row()).toBe('not_proven_yet')
    expect(story.pass(800).row()).toBe('silent_for_all')
  })

  // trap 26: a frozen manager mistaken for a dead database
  test('trap 26: a pause of this process proves nothing: only time that was looked through counts', () => {
    const story = running().toUs('s1', 'cut').look('s1').sleep(60_000)
    expect(remedyOf(story)).toBe('look_again')
    story.look('s1')
    expect(remedyOf(story)).not.toBe('fail_over')
    story.look('s2', 's3')
    expect(remedyOf(story)).not.toBe('fail_over')
    expect(story.toUs('s1', 'open').look('s1').row()).toBe('healthy')
  })

  test('one lost probe is not a silence, however long it was waited for', () => {
    const story = running().with({ lookDeadlineMs: 2000 }).givesUpAfter(2000).freezes('s1').look('s1', 's2', 's3')
    expect(remedyOf(story)).toBe('look_again')
    expect(story.look('s1', 's2', 's3').row()).toBe('silent_for_all')
  })

  test('trap 26: replicas that were not looked at meanwhile did not stand still for the whole window', () => {
    const story = running().toUs('s1', 'cut').look('s1', 's2', 's3').pass(1700, 100, ['s2', 's3'])
    expect(story.folded().facts.replicas).toBe('all_answer')
    expect(remedyOf(story)).toBe('look_again')
    expect(story.look('s2', 's3').row()).toBe('replicas_hear_a_silent_one')
  })

  test('trap 26: replicas whose last reading is old do not answer', () => {
    const story = running().toUs('s1', 'cut').look('s1', 's2', 's3').pass(3000, 100, ['s2', 's3'])
    expect(story.row()).toBe('nobody_answers')
  })

  // trap 15: heartbeats that are off tell nothing by missing
  test('trap 15: an idle replica without heartbeats can never tell', () => {
    const story = aCluster().primary('s1').replica('s2', 's1', { heartbeatPeriodMs: 0 }).pass(1000).toUs('s1', 'cut')
    expect(story.pass(200_000, 500).row()).toBe('nobody_can_tell')
  })
})

describe('replicas that are no witnesses', () => {
  // covers W11, trap 1: a stopped SQL thread counted as "cannot see the primary"
  test('trap 1: stopped appliers say nothing about the primary: their receivers hear it', () => {
    const story = running().channel('s2', { applier: 'stopped' }).channel('s3', { applier: 'stopped' })
    expect(story.toUs('s1', 'cut').pass(5000).row()).toBe('replicas_hear_a_silent_one')
  })

  test('stopped receivers testify to nothing: nobody can second our silence', () => {
    const story = running().channel('s2', { receiver: 'stopped' }).channel('s3', { receiver: 'stopped' }).pass(1000)
    expect(story.toUs('s1', 'cut').pass(5000).diagnosis().primary).toMatchObject({
      verdict: 'limbo',
      row: 'no_witness',
    })
  })

  test('a receiver in trouble before the primary fell silent is no witness against it', () => {
    const story = aCluster().primary('s1').replica('s2').busy('s1').pass(1000)
    story
      .link('s2', 'cut')
      .channel('s2', { receiver: 'connecting', receiverError: { code: 2003, message: '(110)' } })
      .pass(2000)
    expect(story.toUs('s1', 'cut').pass(5000).row()).toBe('no_witness')
  })

  // covers W10
  test('all replicas stopped while the primary lives rings the bell and does not fail over', () => {
    const story = running().channel('s2', { receiver: 'stopped' }).channel('s3', { applier: 'stopped' }).pass(500)
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'all_replicas_stopped', remedy: 'tell' })
    expect(running().channel('s2', { receiver: 'stopped' }).pass(500).row()).toBe('healthy')
  })

  test('the single replica that stopped is told apart', () => {
    const story = aCluster().primary('s1').replica('s2').pass(500).channel('s2', { receiver: 'stopped' }).pass(500)
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'single_replica_not_replicating', remedy: 'tell' })
  })
})
