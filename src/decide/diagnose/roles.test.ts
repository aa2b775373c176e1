import { describe, expect, test } from 'vitest'
import { aCluster, type Story } from './building.testing.ts'
import { idOf } from './status.testing.ts'

const running = (): Story => aCluster().primary('s1').replica('s2').replica('s3').busy('s1').pass(2000)

const remedyOf = (story: Story): string => story.diagnosis().primary.remedy

describe('a primary that came back read-only', () => {
  test('is reopened when its restart lost nothing that a replica has', () => {
    const story = running().idle('s1').pass(500).dies('s1').pass(300).restarts('s1').pass(1500)
    expect(story.diagnosis().primary).toMatchObject({
      verdict: 'read_only_primary',
      row: 'came_back_closed',
      remedy: 'reopen',
      targets: [idOf('s1')],
    })
  })

  test('is not reopened while a replica that may have received more does not answer', () => {
    const story = running().idle('s1').pass(500).vanishes('s3').dies('s1').pass(300).restarts('s1').pass(1500)
    expect(story.diagnosis().primary).toMatchObject({ row: 'came_back_closed_replicas_missing', remedy: 'tell' })
  })

  // covers W27, trap 27: a site-wide outage, and the server with less data is back first
  test('trap 27: is not reopened by a process that never read its replicas: not one that is still looked at, nor one that is silent', () => {
    const story = aCluster().primary('s1').replica('s2').replica('s3').has('s2', 's1', 120).restarts('s1')
    story.knows('s2').knows('s3').sleep(1500).look('s1').sleep(100).look('s1')
    expect(story.diagnosis().primary).toMatchObject({ row: 'came_back_closed_replicas_missing', remedy: 'tell' })
    expect(story.folded().facts.replicas).toBe('none_answer')
    story.vanishes('s2').vanishes('s3').pass(1500)
    expect(story.diagnosis().primary).toMatchObject({ row: 'came_back_closed_replicas_missing', remedy: 'tell' })
    story.restarts('s3').pass(1500)
    expect(story.folded().facts.replicas).toBe('some_answer')
    expect(remedyOf(story)).toBe('tell')
    story.restarts('s2').pass(1500)
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'history_went_backwards', remedy: 'tell' })
  })

  test('is reopened by a process that never saw it before, once every known address has answered', () => {
    const story = aCluster().primary('s1').replica('s2').loner('s3').restarts('s1')
    story.knows('s2').knows('s3').sleep(1500).look('s1', 's2').sleep(100).look('s1', 's2')
    expect(remedyOf(story)).toBe('tell')
    expect(story.pass(500).diagnosis().primary).toMatchObject({ row: 'came_back_closed', remedy: 'reopen' })
  })

  test('a server that is gone for good keeps it closed until it is downtimed, and the explanation says so', () => {
    const story = aCluster().primary('s1').replica('s2').replica('s3').restarts('s1').vanishes('s3').pass(3000)
    const { because, remedy } = story.diagnosis().primary
    expect(remedy).toBe('tell')
    expect(because).toContain('regent forget')
    expect(because).toContain('downtime: true')
    expect(story.downtime('s3').pass(500).row()).toBe('came_back_closed')
  })

  // covers W27, trap 64: reopened behind its replicas, it reuses GTIDs and they skip its writes silently
  test('trap 64: is never reopened when it came back without what its replicas received', () => {
    const story = running().dies('s1').pass(300).restarts('s1', 'closed_to_all', { s1: 100 }).idle('s1').pass(1500)
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'history_went_backwards', remedy: 'tell' })
    expect(story.folded().facts.history).toBe('went_backwards')
  })

  // covers W27
  test('trap 64: is fenced when it came back writable without what its replicas received', () => {
    const story = running().dies('s1').pass(300).restarts('s1', 'writable', { s1: 100 }).idle('s1').pass(1500)
    expect(story.diagnosis().primary).toMatchObject({
      verdict: 'history_went_backwards',
      remedy: 'fence_stale',
      targets: [idOf('s1')],
    })
  })

  // covers W27
  test('a closed primary behind its own replicas is found by a process that never saw it before', () => {
    const story = aCluster().primary('s1').replica('s2').has('s2', 's1', 120).restarts('s1').pass(3000)
    expect(story.folded().facts.history).toBe('behind_its_replicas')
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'history_went_backwards', remedy: 'tell' })
  })

  // covers W27
  test('trap 64: what it wrote after our last look, gave to its replicas and lost in the crash is missed by nobody', () => {
    const story = running()
    const known = story.written('s1')
    story.sleep(50).dies('s1').sleep(20).look('s1', 's2', 's3').sleep(20).look('s1')
    expect(
      story.restarts('s1', 'writable', { s1: known }).idle('s1').sleep(20).look('s1').diagnosis().primary,
    ).toMatchObject({
      verdict: 'history_went_backwards',
      remedy: 'fence_stale',
    })
  })

  test('trap 64: a restart between two looks is not reopened on readings from before it', () => {
    const story = running()
    const known = story.written('s1')
    story
      .sleep(50)
      .dies('s1')
      .restarts('s1', 'closed_to_all', { s1: known })
      .idle('s1')
      .sleep(100)
      .look('s1', 's2', 's3')
    expect(remedyOf(story)).toBe('tell')
    expect(story.pass(3000).row()).toBe('history_went_backwards_closed')
  })

  // MySQL shows a transaction as executed only after its replicas were sent it
  test('a transaction that waits for its acknowledgement is no loss: a running primary is not fenced for what a replica has', () => {
    const story = running().idle('s1').has('s2', 's1', 5000).pass(3000)
    expect(story.row()).toBe('healthy')
    expect(story.findings('s2')).toEqual([])
    const restarted = running()
      .dies('s1')
      .pass(300)
      .restarts('s1', 'writable')
      .pass(3000)
      .idle('s1')
      .has('s2', 's1', 5000)
    expect(restarted.pass(3000).row()).toBe('healthy')
  })

  test('what a replica wrote itself is its errant transaction, not a loss of the primary', () => {
    const story = running().has('s2', 's2', 1).pass(1000)
    expect(story.row()).toBe('healthy')
    expect(story.findings('s2')).toContain('errant_transactions')
    expect(story.findings('s3')).toEqual([])
  })

  test('is not reopened while a replica has something that it lacks, whoever wrote it', () => {
    const story = running().idle('s1').has('s2', 's2', 1).dies('s1').pass(300).restarts('s1').pass(1500)
    expect(story.diagnosis().primary).toMatchObject({ row: 'came_back_closed_unproven', remedy: 'tell' })
  })

  // trap 9: a "make it writable" repair races the switchover, or reopens a fenced server
  test('trap 9: a running primary that somebody made read-only is not opened against him', () => {
    const story = running().idle('s1').becomes('s1', 'closed_to_clients').pass(5000)
    expect(story.diagnosis().primary).toMatchObject({ row: 'closed_by_hand', remedy: 'tell' })
  })

  test('trap 9: a winner that a recovery is opening is left to that recovery', () => {
    const story = running()
      .becomes('s2', 'closed_to_all')
      .reigns('s2', 'opening', 2)
      .followsNobody('s2')
      .follows('s3', 's2')
    expect(story.dies('s1').pass(1000).diagnosis().primary).toMatchObject({ row: 'being_opened', remedy: 'watch' })
  })

  test('trap 9: a fenced older primary is not opened again: only the present reign has a say', () => {
    const story = running().becomes('s2', 'writable').followsNobody('s2').follows('s3', 's2').reigns('s2', 'open', 2)
    story.reignedBefore('s1').idle('s1').becomes('s1', 'closed_to_all').follows('s1', 's2').pass(2000)
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'healthy', targets: [] })
  })
})

describe('another server that takes writes', () => {
  const afterFailover = (): Story =>
    running()
      .idle('s1')
      .dies('s1')
      .becomes('s2', 'writable')
      .followsNobody('s2')
      .follows('s3', 's2')
      .reigns('s2', 'open', 2)

  test('the primary of an older reign that comes back writable is fenced before anything else', () => {
    const story = afterFailover().reignedBefore('s1').pass(1000)
    expect(story.row()).toBe('healthy')
    story.restarts('s1', 'writable').look('s1')
    expect(story.diagnosis().primary).toMatchObject({
      verdict: 'stale_reign_writable',
      remedy: 'fence_stale',
      primary: idOf('s2'),
      targets: [idOf('s1')],
    })
    expect(story.dies('s2').pass(3000).diagnosis().primary.verdict).toBe('stale_reign_writable')
  })

  test('a SET of read-only that has not taken effect still takes writes', () => {
    const story = afterFailover().reignedBefore('s1').pass(1000).restarts('s1', 'closing').look('s1')
    expect(story.diagnosis().primary.verdict).toBe('stale_reign_writable')
  })

  test('a writable server that no reign names is told, never fenced: it may be what a person promoted', () => {
    const story = running().loner('s9', 'writable').pass(1000)
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'two_writable', remedy: 'tell', targets: [] })
  })

  test('a replica whose receiver was stopped before it was opened follows nobody any more', () => {
    const story = running().becomes('s2', 'writable').channel('s2', { receiver: 'stopped' }).pass(1000)
    expect(story.row()).toBe('two_take_writes')
  })

  test('nothing is opened beside a server that a person promoted in place of the dead primary', () => {
    const story = running().dies('s1').becomes('s2', 'writable').followsNobody('s2').pass(5000)
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'unexplained_writable', remedy: 'tell' })
  })

  test('a primary that follows a promoted server is not opened again: the role was moved by hand', () => {
    const story = running().idle('s1').becomes('s1', 'closed_to_all').becomes('s2', 'writable').followsNobody('s2')
    story.follows('s1', 's2').follows('s3', 's2').pass(2000)
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'unexplained_writable', remedy: 'tell' })
  })

  test('a writable upstream from another cluster is no rival of the primary that receives from it', () => {
    const story = aCluster().loner('s8', 'writable').primary('s1').replica('s2').busy('s8').pass(500)
    story.follows('s1', 's8').pass(1000)
    expect(story.row()).toBe('healthy')
  })

  test('a writable replica is a finding about that replica', () => {
    const story = running().becomes('s2', 'writable').pass(1000)
    expect(story.row()).toBe('healthy')
    expect(story.findings('s2')).toEqual(['writable'])
  })
})

describe('without a recorded reign', () => {
  const unrecorded = (): Story => running().withoutReign()

  test('the one writable root is adopted when everybody answers', () => {
    expect(unrecorded().pass(500).diagnosis().primary).toMatchObject({
      verdict: 'no_reign',
      remedy: 'adopt',
      targets: [idOf('s1')],
    })
  })

  test('nobody is adopted while an address does not answer: it might take writes as well', () => {
    const story = unrecorded().loner('s4').vanishes('s4').pass(500)
    expect(story.diagnosis().primary).toMatchObject({ row: 'unrecorded_not_everyone_answers', remedy: 'tell' })
    expect(unrecorded().vanishes('s3').pass(500).diagnosis().primary.remedy).toBe('tell')
  })

  test('between two writable servers only a person chooses', () => {
    const story = unrecorded().loner('s9', 'writable').pass(500)
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'two_writable', remedy: 'tell', targets: [] })
  })

  test('a read-only root is opened only when told', () => {
    expect(unrecorded().idle('s1').becomes('s1', 'closed_to_all').pass(500).row()).toBe('unrecorded_closed')
  })

  test('a dead root is never failed over', () => {
    const story = unrecorded().pass(500).dies('s1').closes('s1').sleep(1).look('s1', 's2', 's3').knock('s1', 'refused')
    expect(story.sleep(5).look('s1', 's2', 's3').row()).toBe('unrecorded_unreachable')
    expect(story.pass(5000).diagnosis().primary.remedy).toBe('tell')
  })

  test('several roots and none writable: no primary is known', () => {
    const story = aCluster().loner('s1').loner('s2').pass(500)
    expect(story.diagnosis().primary.verdict).toBe('no_primary_known')
  })
})

describe('a process that starts beside a dead primary', () => {
  test('fails over after the window when every replica answers and none hears it', () => {
    const story = aCluster().primary('s1').replica('s2').replica('s3').vanishes('s1').pass(1400)
    expect(story.row()).toBe('not_proven_yet')
    expect(story.pass(500).diagnosis().primary).toMatchObject({
      row: 'silent_for_all',
      remedy: 'fail_over',
      targets: [idOf('s1')],
    })
  })

  test('never at once: it has not seen the primary alive', () => {
    const story = aCluster().primary('s1').replica('s2').dies('s1').look('s1', 's2').sleep(5).look('s1', 's2')
    expect(story.knock('s1', 'refused').folded().facts).toMatchObject({ primary: 'never_answered', proof: 'not_yet' })
  })

  // trap 27: an outdated server promoted after all were down (first to come back wins)
  test('trap 27: after all were down, whoever comes back first is not promoted', () => {
    const story = aCluster().primary('s1').replica('s2').replica('s3').vanishes('s1').vanishes('s3').pass(10_000)
    expect(story.diagnosis().primary).toMatchObject({ row: 'first_to_come_back', remedy: 'tell' })
  })

  test('says so when no known address belongs to the recorded primary', () => {
    const story = aCluster().primary('s1').loner('s2').vanishes('s1').pass(3000)
    expect(story.diagnosis().primary).toMatchObject({ verdict: 'no_primary_known', remedy: 'tell' })
  })
})
