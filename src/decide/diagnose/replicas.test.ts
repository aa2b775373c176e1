import { describe, expect, test } from 'vitest'
import { REPLICA_FINDINGS } from '../../model/diagnosis.ts'
import { aCluster, type Story } from './building.testing.ts'
import { REPLICA_FACT_NAMES, REPLICA_FACTS, REPLICA_RULES } from './replica-rules.ts'
import { idOf } from './status.testing.ts'

const running = (): Story => aCluster().primary('s1').replica('s2').replica('s3').busy('s1').pass(2000)

const ERROR = { code: 1062, message: "Duplicate entry '7' for key 'PRIMARY'" }

describe('findings about a replica', () => {
  test('a replica that follows and keeps up has none', () => {
    expect(running().diagnosis().replicas).toEqual([])
  })

  test.each([
    ['unreachable', (s: Story) => s.vanishes('s2')],
    [
      'receiver_broken',
      (s: Story) =>
        s
          .link('s2', 'cut')
          .channel('s2', { receiver: 'stopped', receiverError: { code: 13114, message: 'fatal error 1236' } }),
    ],
    ['receiver_stopped', (s: Story) => s.channel('s2', { receiver: 'stopped' })],
    ['applier_broken', (s: Story) => s.channel('s2', { applier: 'stopped', applierError: ERROR })],
    ['applier_stopped', (s: Story) => s.channel('s2', { applier: 'stopped' })],
    ['lagging', (s: Story) => s.channel('s2', { lagMs: 61_000 })],
    ['writable', (s: Story) => s.becomes('s2', 'writable')],
    ['errant_transactions', (s: Story) => s.has('s2', 's2', 3)],
    ['follows_another', (s: Story) => s.loner('s8').follows('s2', 's8')],
    ['follows_nobody', (s: Story) => s.followsNobody('s2')],
    ['no_gtid', (s: Story) => s.channel('s2', { positioning: 'coordinates' })],
  ] as const)('%s', (finding, happen) => {
    const story = running()
    happen(story)
    expect(story.pass(500).findings('s2')).toEqual([finding])
  })

  test('an error of the applier is told in its own words', () => {
    const story = running().channel('s2', { applier: 'stopped', applierError: ERROR }).pass(500)
    const [finding] = story.diagnosis().replicas
    expect(JSON.stringify(finding?.evidence)).toContain("1062 Duplicate entry '7'")
  })

  test('a broken thread is told in the words of the server, with a fix; so is what follows nobody', () => {
    const receiverError = { code: 1593, message: 'Fatal error: equal MySQL\n server ids' }
    const story = running()
      .channel('s2', { receiver: 'stopped', receiverError })
      .channel('s3', { applier: 'stopped', applierError: ERROR })
    const [receiver, applier] = story.pass(500).diagnosis().replicas
    expect(receiver).toMatchObject({
      finding: 'receiver_broken',
      because: expect.stringMatching(/: 1593 .*equal MySQL server ids$/),
    })
    expect(receiver?.tryThis).toContain(`regent rejoin ${idOf('s2')}`)
    expect(applier).toMatchObject({
      finding: 'applier_broken',
      because: expect.stringContaining(": 1062 Duplicate entry '7'"),
    })
    expect(applier?.tryThis).toContain('START REPLICA SQL_THREAD')
    const [alone] = running().followsNobody('s2').pass(500).diagnosis().replicas
    expect(alone?.tryThis).toBe(`regent rejoin ${idOf('s2')}`)
  })

  test('every finding about a server that answers, and that does not end by itself, names a way out', () => {
    const found = (story: Story) => story.pass(500).diagnosis().replicas[0]
    const s2 = idOf('s2')
    expect(found(running().becomes('s2', 'writable'))?.tryThis).toBe(`regent fence ${s2}`)
    expect(found(running().loner('s8').follows('s2', 's8'))?.tryThis).toBe(`regent rejoin ${s2}`)
    expect(found(running().has('s2', 's2', 3))?.tryThis).toContain(`regent plan rejoin ${s2}`)
    expect(found(running().says('s3', { numericId: 2 }))?.tryThis).toContain('server_id of its own')
    const byCoordinates = found(running().channel('s2', { positioning: 'coordinates' }))?.tryThis
    expect(byCoordinates).toContain('SOURCE_AUTO_POSITION=1')
    expect(byCoordinates).toContain('MASTER_USE_GTID=slave_pos')
    expect(REPLICA_RULES.without_binlog.tryThis?.(s2)).toContain('log_replica_updates (MariaDB: log_slave_updates)')
  })

  test('errant transactions are named, and a long list of them is cut short', () => {
    const [errant] = running().has('s2', 's2', 3).pass(500).diagnosis().replicas
    const named = errant?.evidence.find((e) => e.fact === 'errant')?.readings[0]
    expect(named).toMatch(/\S/)
    expect(errant?.because).toContain(`: ${named}`)
    const many = running()
    for (let i = 0; i < 40; i++) many.has('s2', `writer${i}`, 3)
    const because = many.pass(500).diagnosis().replicas[0]?.because ?? ''
    expect(because).toMatch(/…$/)
    expect(because.length).toBeLessThan(300)
  })

  test('while the primary does not answer nobody is sent to `regent rejoin`, which would be refused', () => {
    const findings = running().dies('s1').followsNobody('s3').pass(3000).diagnosis().replicas
    expect(findings.map((f) => [f.server, f.finding, f.tryThis])).toEqual([
      [idOf('s2'), 'receiver_broken', undefined],
      [idOf('s3'), 'follows_nobody', undefined],
    ])
    const [closable] = running().dies('s1').becomes('s2', 'writable').pass(3000).diagnosis().replicas.slice(1)
    expect(closable?.tryThis).toBe(`regent fence ${idOf('s2')}`)
  })

  test('a server without binlog cannot become the primary', () => {
    const binlog = {
      enabled: false,
      format: 'row',
      rowImage: 'FULL',
      logsReplicaUpdates: false,
      sync: 1,
      flushAtCommit: 1,
      gtid: 'on',
      strict: true,
    } as const
    expect(running().says('s2', { binlog }).pass(500).findings('s2')).toEqual(['without_binlog'])
  })

  // trap 38: a replica with intended delay counted as lagging
  test('trap 38: intended delay is not lag', () => {
    const story = running().channel('s2', { delayMs: 3_600_000, lagMs: 3_610_000 }).pass(500)
    expect(story.findings('s2')).toEqual([])
    expect(story.channel('s2', { lagMs: 3_700_000 }).pass(500).findings('s2')).toEqual(['lagging'])
  })

  // trap 54: two servers with one server_id silently skip each other's events
  test('trap 54: two servers with one server_id are both told', () => {
    const story = running().says('s3', { numericId: 2 }).pass(500)
    expect(story.findings('s2')).toEqual(['same_server_id'])
    expect(story.findings('s3')).toEqual(['same_server_id'])
  })

  // trap 16: errant check against the dead primary's stale cached set blocks the failover under load
  test('trap 16: a dead primary accuses nobody: what came after its last reading is not errant', () => {
    const story = running().toUs('s1', 'cut').pass(3000).dies('s1').pass(3000)
    expect(story.row()).toBe('silent_for_all')
    expect(story.findings('s2')).toEqual(['receiver_broken'])
    expect(story.findings('s3')).toEqual(['receiver_broken'])
  })

  test('trap 16: a replica that was read after the busy primary has nothing errant', () => {
    const story = running().look('s1').sleep(1000).look('s2', 's3')
    expect(story.diagnosis().replicas).toEqual([])
    expect(story.row()).toBe('healthy')
    expect(story.look('s2', 's3').folded().facts.history).toBe('unprovable')
  })

  test('a replica of a replica follows the primary through it', () => {
    const story = running().loner('s4').follows('s4', 's3').pass(500)
    expect(story.findings('s4')).toEqual([])
  })

  test('a ring of two that leave the primary out follows another, and does not hang', () => {
    const story = running().follows('s2', 's3').follows('s3', 's2').pass(500)
    expect(story.findings('s2')).toEqual(['follows_another'])
  })

  test('several findings may hold at once, and the primary is no replica', () => {
    const story = running().channel('s2', { applier: 'stopped', lagMs: 90_000 }).becomes('s2', 'writable').pass(500)
    expect(story.findings('s2')).toEqual(['applier_stopped', 'lagging', 'writable'])
    expect(story.diagnosis().replicas.map((r) => r.server)).not.toContain(idOf('s1'))
  })
})

test("the replicas' table: explanations are unique, every value belongs to its domain, none is what a sound replica has", () => {
  const rules = REPLICA_FINDINGS.map((finding) => REPLICA_RULES[finding])
  expect(new Set(rules.map((rule) => rule.because)).size).toBe(rules.length)
  for (const rule of rules)
    for (const fact of REPLICA_FACT_NAMES) {
      const domain: readonly string[] = REPLICA_FACTS[fact]
      for (const value of rule.when[fact] ?? []) expect(domain).toContain(value)
    }
})
