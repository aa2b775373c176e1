import { describe, expect, test } from 'vitest'
import type { Channel } from '../../model/server.ts'
import { aCluster, type Story } from './building.testing.ts'
import { REFUSED } from './status.testing.ts'

const WINDOW_MS = 1500
const BY_HAND: Partial<Channel> = { receiver: 'stopped' }
const REFUSING: Partial<Channel> = { receiver: 'connecting', receiverError: REFUSED }
const TIMED_OUT = { code: 2003, message: "Can't connect to server on '127.0.0.1' (110)" } as const

/** We cannot reach the primary, and it goes on writing; s3 is cut off from it as well, and is the witness who hears nothing. */
function cutOff(): Story {
  const story = aCluster().primary('s1').replica('s2').replica('s3').busy('s1').with({ silenceWindowMs: WINDOW_MS })
  return story.pass(1000).toUs('s1', 'cut').link('s3', 'cut').look('s1', 's2', 's3')
}

/** It receives something, and this is done to its channel before anybody looks at it again. */
const receivesAndThen = (story: Story, channel: Partial<Channel>): Story =>
  story
    .sleep(100)
    .channel('s2', { receivedText: 'more', ...channel })
    .look('s1', 's2', 's3')

const hearing = (story: Story): string => story.folded().facts.hearing

describe('a receiver that somebody stopped', () => {
  test('heard what it received between two looks since the trouble began', () => {
    expect(hearing(receivesAndThen(cutOff(), BY_HAND))).toBe('some_hear')
  })

  test('heard what it was seen to receive before it was stopped', () => {
    const story = cutOff().sleep(100).look('s1', 's2', 's3').channel('s2', BY_HAND).sleep(100).look('s1', 's2', 's3')
    expect(hearing(story)).toBe('some_hear')
  })

  test('is believed for one window, and a dead primary looks alive for no longer', () => {
    const story = receivesAndThen(cutOff(), BY_HAND).dies('s1')
    expect(hearing(story.pass(WINDOW_MS - 100))).toBe('some_hear')
    expect(hearing(story.pass(100))).toBe('none_hear')
    expect(story.row()).toBe('silent_for_all')
  })

  test('cannot tell, for one window, whether what it received around the beginning of the trouble came after it', () => {
    const story = aCluster().primary('s1').replica('s2').replica('s3').busy('s1').pass(1000)
    receivesAndThen(story.freezes('s1').sleep(10).look('s1'), BY_HAND)
    expect(hearing(story)).toBe('cannot_tell')
    expect(hearing(story.pass(WINDOW_MS))).toBe('none_hear')
  })

  test('holds up a proof of death by refusals only while it cannot tell, be its past known or not', () => {
    for (const first of [
      ['s1', 's2', 's3'],
      ['s2', 's1', 's3'],
    ] as const) {
      const story = aCluster()
        .primary('s1')
        .replica('s2')
        .replica('s3')
        .look(...first)
      // s3 is stopped before anybody looks at it again; what it received may be older than the death.
      story.sleep(5).channel('s3', { receiver: 'stopped', receivedText: 'more' }).dies('s1').look('s1')
      story.sleep(5).look('s1', 's2', 's3').sleep(5).look('s1', 's2').knock('s1', 'refused')
      expect(story.row()).toBe('not_proven_yet')
      expect(story.pass(WINDOW_MS + 100).diagnosis().primary.remedy).toBe('fail_over')
    }
  })

  test('says nothing if it received nothing since', () => {
    const story = cutOff().freezes('s1').sleep(10).look('s1', 's2', 's3')
    expect(hearing(story.sleep(WINDOW_MS).look('s1', 's2', 's3'))).toBe('none_hear')
    expect(hearing(story.channel('s2', BY_HAND).sleep(10).look('s1', 's2', 's3'))).toBe('none_hear')
  })
})

describe('a replica that was first read just after the last sign of life', () => {
  /** The order of the looks is the order of their sending. */
  const met = (): Story => aCluster().primary('s1').replica('s2').replica('s3').look('s1').sleep(5).look('s2', 's3')

  test('was receiving if it did then: its refusal proves as much as the others’', () => {
    const story = met().sleep(100).dies('s1').look('s1').sleep(5).look('s1', 's2', 's3').sleep(5)
    expect(story.look('s1', 's2', 's3').knock('s1', 'refused').row()).toBe('all_refused')
  })

  test('is waited for if it did not receive then: whoever started it since may have led it to the primary', () => {
    const story = aCluster().primary('s1').replica('s2').replica('s3').look('s1').sleep(5)
    story.channel('s3', BY_HAND).look('s2', 's3').channel('s3', { receiver: 'running' }).sleep(100)
    story.dies('s1').look('s1').sleep(5)
    expect(story.look('s1', 's2', 's3').sleep(5).look('s1', 's2', 's3').knock('s1', 'refused').row()).toBe(
      'not_proven_yet',
    )
  })
})

describe('a receiver that lost its source', () => {
  test.each<[string, Partial<Channel>]>([
    ['reports a refusal', REFUSING],
    ['connects again', { receiver: 'connecting' }],
    ['gave up, with the error of its last attempt', { receiver: 'stopped', receiverError: TIMED_OUT }],
  ])('and %s did not hear what it received just before', (_, channel) => {
    const story = cutOff().freezes('s1')
    expect(hearing(receivesAndThen(story, channel))).toBe('none_hear')
  })

  test('did not hear it because somebody stopped it later', () => {
    const story = receivesAndThen(cutOff().freezes('s1'), { receiver: 'connecting' })
    expect(hearing(story.channel('s2', BY_HAND).sleep(10).look('s1', 's2', 's3'))).toBe('none_hear')
  })

  test('delays no proof of death: last rows read after our first refusal count for nothing once it is refused too', () => {
    const story = aCluster().primary('s1').replica('s2').replica('s3').busy('s1').pass(1000)
    story.toUs('s1', 'refusing').look('s1', 's2', 's3').sleep(1).dies('s1')
    const diedAt = story.now
    story.sleep(1).look('s1', 's2', 's3').sleep(1).look('s1', 's2', 's3').knock('s1', 'refused')
    expect(story.row()).toBe('all_refused')
    expect(story.now - diedAt).toBeLessThan(50)
  })
})
