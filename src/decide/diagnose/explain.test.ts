import { describe, expect, test } from 'vitest'
import { aCluster, type Story } from './building.testing.ts'
import { decide } from './explain.ts'
import { ALL_WELL } from './possible.testing.ts'
import { PRIMARY_RULES } from './primary-rules.ts'

const running = (): Story => aCluster().primary('s1').replica('s2').replica('s3').busy('s1').pass(2000)

// covers W24
describe('why, and why not', () => {
  test('a verdict shows every fact with who said it and how long ago', () => {
    const { row, evidence } = running().toUs('s1', 'cut').pass(3000).explanation()
    expect(row.name).toBe('replicas_hear_a_silent_one')
    const primary = evidence.find((e) => e.fact === 'primary')
    expect(primary?.value).toBe('silent')
    expect(primary?.readings[0]).toMatch(/^127\.0\.0\.1:3301: silent \(ETIMEDOUT\), \d+ ms ago$/)
    const hearing = evidence.find((e) => e.fact === 'hearing')
    expect(hearing?.readings[0]).toMatch(
      /^127\.0\.0\.1:3302 hears it: receiver running, applier running, nothing new for \d+ ms$/,
    )
  })

  test('every other row says what it misses: here, why there is no failover', () => {
    const { whyNot } = running().toUs('s1', 'cut').pass(3000).explanation()
    expect(whyNot).toHaveLength(PRIMARY_RULES.length - 1)
    expect(whyNot.find((w) => w.row === 'silent_for_all')?.missing).toEqual([
      { fact: 'hearing', is: 'some_hear', needs: ['none_hear'] },
      { fact: 'witnesses', is: 'too_few', needs: ['enough'] },
      { fact: 'proof', is: 'not_yet', needs: ['time_passed'] },
    ])
  })

  test('a row that holds and was overruled names its winner', () => {
    const { row, whyNot } = running().loner('s9', 'writable').pass(500).explanation()
    expect(row.name).toBe('two_take_writes')
    expect(whyNot.find((w) => w.row === 'healthy')).toMatchObject({ missing: [], beatenBy: 'two_take_writes' })
  })

  test('what is missing for an immediate verdict is said in words', () => {
    const story = running().dies('s1').closes('s1').sleep(1).look('s1', 's2', 's3')
    const proof = story.explanation().evidence.find((e) => e.fact === 'proof')
    expect(proof?.readings.join('; ')).toContain('was looked at only once since its report')
    expect(proof?.readings.join('; ')).not.toContain('no new connection')
  })

  test('an offline primary lives: nobody is failed over, and a person is told how to let clients in', () => {
    const rule = decide({ ...ALL_WELL, access: 'offline' })
    expect(rule).toMatchObject({ verdict: 'refuses_but_serves_replicas', remedy: 'tell' })
    expect(rule.because).toContain('SET GLOBAL offline_mode = OFF')
    expect(decide({ ...ALL_WELL, access: 'offline', history: 'went_backwards' }).remedy).toBe('fence_stale')
    expect(decide({ ...ALL_WELL, access: 'offline', otherWritable: 'older_reign' }).remedy).toBe('fence_stale')
  })

  test('a combination that cannot be is a broken world, not a verdict', () => {
    expect(() => decide({ ...ALL_WELL, access: 'not_known' })).toThrow('no single row')
  })
})
