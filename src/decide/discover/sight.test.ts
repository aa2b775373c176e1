import { describe, expect, test } from 'vitest'
import type { RecordedSighting } from '../../model/diagnosis.ts'
import { instant, serverId, wallTime } from '../../model/ids.ts'
import type { Look } from '../../model/look.ts'
import type { Channel, ServerStatus } from '../../model/server.ts'
import { aCluster } from '../diagnose/building.testing.ts'
import { aChannel, aStatus } from '../diagnose/status.testing.ts'
import { sight } from './sight.ts'

const ADDRESS = { host: 'db2', port: 3306 }
const SOURCE = { host: 'db1', port: 3306 }

const answered = (at: number, channel: Partial<Channel> = {}, status: Partial<ServerStatus> = {}): Look => ({
  kind: 'answered',
  sentAt: instant(at),
  at: instant(at + 1),
  status: aStatus('s2', { channels: [aChannel(SOURCE, 1, channel)], ...status }),
})
const failed = (kind: 'silent' | 'refused' | 'closed', at: number): Look => ({
  kind,
  sentAt: instant(at),
  at: instant(at + 5),
  code: 'X',
})
const denied = (at: number): Look => ({
  kind: 'denied',
  sentAt: instant(at),
  at: instant(at + 1),
  denial: 'too_many_connections',
  errno: 1040,
  message: 'Too many connections',
})

function fold(...looks: readonly Look[]): RecordedSighting {
  let sighting: RecordedSighting | undefined
  for (const look of looks) sighting = sight(sighting, ADDRESS, look, wallTime(0))
  if (sighting === undefined) throw new Error('no look was given')
  return sighting
}

describe('trouble', () => {
  test('begins with the first look that was not answered and ends with an answer', () => {
    expect(fold(answered(0), failed('silent', 100), failed('refused', 200)).troubleSince).toBe(100)
    expect(fold(answered(0), failed('silent', 100), answered(200)).troubleSince).toBeUndefined()
    expect(fold(failed('silent', 50), failed('silent', 100)).troubleSince).toBe(50)
  })

  test('keeps the last answer and names the latest look', () => {
    const sighting = fold(answered(0), failed('closed', 100), failed('refused', 101))
    expect(sighting.answer?.sentAt).toBe(0)
    expect(sighting.latest.kind).toBe('refused')
    expect(sighting.progress).toHaveLength(1)
  })

  test('a denial is a sign of life: silence is counted from after it', () => {
    expect(fold(failed('silent', 0), denied(100), failed('silent', 200), failed('silent', 300)).troubleSince).toBe(200)
    expect(fold(answered(0), denied(100), denied(200)).troubleSince).toBe(100)
  })

  test('a failed look that was sent before the latest one changes nothing', () => {
    const sighting = fold(answered(0), answered(600), failed('silent', 100))
    expect(sighting.latest).toMatchObject({ kind: 'answered', sentAt: 600 })
    expect(sighting.troubleSince).toBeUndefined()
  })

  test('an answer that was sent before a failed look is still an answer', () => {
    expect(fold(answered(0), failed('silent', 200), answered(100)).latest.kind).toBe('answered')
    expect(fold(answered(0), answered(300), answered(100)).answer?.sentAt).toBe(300)
  })
})

describe('progress', () => {
  test('stands still since the first look that showed what is there', () => {
    const [progress] = fold(answered(0), answered(100), answered(200)).progress
    expect(progress).toMatchObject({ stillSince: 0, moved: false })
    expect(progress?.movedAfter).toBeUndefined()
  })

  test.each([
    ['events', { receivedText: 'more' }],
    ['heartbeats', { heartbeats: 1 }],
  ] as const)('%s that arrived are movement between two looks', (_, moved) => {
    const [progress] = fold(answered(0), answered(100), answered(200, moved), answered(300, moved)).progress
    expect(progress).toMatchObject({ stillSince: 200, moved: false, movedAfter: 100 })
    expect(fold(answered(100), answered(200, moved)).progress[0]).toMatchObject({ moved: true, stillSince: 200 })
  })

  test('looks that failed in between do not shorten what is known', () => {
    const [progress] = fold(answered(0), failed('silent', 100), answered(200, { receivedText: 'more' })).progress
    expect(progress).toMatchObject({ stillSince: 200, movedAfter: 0 })
  })

  test('starts anew when the channel follows another source', () => {
    const elsewhere = { source: { host: 'db9', port: 3306 }, receivedText: 'more' }
    expect(fold(answered(0), answered(100), answered(200, elsewhere)).progress[0]).toMatchObject({
      stillSince: 200,
      moved: false,
    })
  })

  test('remembers what the receiver said before, and for how long it says it now', () => {
    const refused = { receiver: 'connecting', receiverError: { code: 2003, message: '(111)' } } as const
    const reset = { receiver: 'connecting', receiverError: { code: 2013, message: 'system error: 104' } } as const
    const [progress] = fold(answered(0), answered(100), answered(200, reset), answered(300, refused)).progress
    expect(progress?.voices).toEqual([
      { voice: 'running', since: 0 },
      { voice: 'refused', since: 200 },
    ])
  })

  test('the memory of voices is bounded', () => {
    const looks = Array.from({ length: 40 }, (_, i) => answered(i, { receiver: i % 2 === 0 ? 'running' : 'stopped' }))
    expect(fold(...looks).progress[0]?.voices.length).toBeLessThanOrEqual(6)
  })
})

test('another server at the same address starts a sighting of its own', () => {
  const sighting = fold(answered(0), answered(100, {}, { id: serverId('other') }))
  expect(sighting.id).toBe('other')
  expect(sighting.prior).toBeUndefined()
  expect(sighting.progress[0]?.stillSince).toBe(100)
})

// covers W27
describe('a history that went backwards', () => {
  test('is noticed when a server that took writes comes back with less, and stays noticed', () => {
    const story = aCluster()
      .primary('s1')
      .busy('s1')
      .pass(1000)
      .idle('s1')
      .restarts('s1', 'closed_to_all', { s1: 100 })
      .pass(1000)
    expect(story.sighting('s1')).toHaveProperty('lostHistory')
    expect(story.restarts('s1', 'closed_to_all', { s1: 5000 }).pass(500).sighting('s1')).not.toHaveProperty(
      'lostHistory',
    )
  })

  test('is no matter any more once the server follows another: it was rebuilt', () => {
    const story = aCluster().primary('s1').loner('s2').busy('s1').pass(1000).idle('s1')
    story.restarts('s1', 'closed_to_all', { s1: 100 }).follows('s1', 's2').pass(500)
    expect(story.sighting('s1')).not.toHaveProperty('lostHistory')
  })

  test('is not noticed on a server that took no writes', () => {
    const story = aCluster().loner('s1').has('s1', 's1', 500).pass(1000).restarts('s1', 'closed_to_all', { s1: 100 })
    expect(story.pass(500).sighting('s1')).not.toHaveProperty('lostHistory')
  })

  test('is not noticed on a replica: that may be rewound or rebuilt', () => {
    const story = aCluster().primary('s1').replica('s2').has('s2', 's2', 5).pass(1000)
    story.restarts('s2', 'closed_to_all', { s1: 100 }).pass(500)
    expect(story.sighting('s2')).not.toHaveProperty('lostHistory')
  })
})
