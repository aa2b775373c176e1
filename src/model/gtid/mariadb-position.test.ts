import { describe, expect, test } from 'vitest'
import {
  binlogPosition,
  binlogState,
  compareGtids,
  inDomain,
  parseBinlogState,
  parsePosition,
  position,
  printBinlogState,
  printPosition,
  samePosition,
  stateOfDomain,
} from './mariadb-position.ts'

describe('positions', () => {
  test.each([
    ['', ''],
    ['0-1-100', '0-1-100'],
    [' 1-2-5 , 0-1-100 ', '0-1-100,1-2-5'],
    ['0-4294967295-18446744073709551615', '0-4294967295-18446744073709551615'],
  ])('%j reads as %j', (text, canonical) => {
    expect(printPosition(position(text))).toBe(canonical)
  })

  test.each([
    ['0-1', 0],
    ['0-1-100,', 8],
    ['0-1-100;1-1-1', 7],
    ['0-4294967296-1', 0],
    ['0-1-18446744073709551616', 0],
    ['0-1-100,,1-1-1', 8],
    ['0-1-100,0-2-100', 0],
  ])('%j is unreadable at character %i', (text, at) => {
    expect(parsePosition(text)).toMatchObject({ ok: false, at })
  })

  test('equality does not depend on the order of domains', () => {
    expect(samePosition(position('0-1-1,1-1-1'), position('1-1-1,0-1-1'))).toBe(true)
    expect(samePosition(position('0-1-1'), position('0-2-1'))).toBe(false)
  })

  test('trap 63: GTIDs of two servers are never before or after each other by their numbers', () => {
    const [one, other] = [position('0-1-100').gtids[0], position('0-2-100').gtids[0]]
    if (one === undefined || other === undefined) throw new Error('unread')
    expect(compareGtids(one, other)).toBe('sibling')
    expect(compareGtids(one, { ...one, seq: 101 })).toBe('before')
    expect(compareGtids({ ...one, seq: 101 }, one)).toBe('after')
    expect(compareGtids(one, { ...one })).toBe('equal')
    expect(compareGtids(one, { ...one, domain: 1 })).toBe('sibling')
  })
})

describe('binlog states', () => {
  test('the last listed GTID of a domain is its newest, whatever the numbers say', () => {
    const state = binlogState('0-1-5,0-3-4,0-2-5,1-2-9,1-7-3,1-5-1')
    expect(printPosition(binlogPosition(state))).toBe('0-2-5,1-5-1')
    expect(stateOfDomain(state, 1)?.gtids.map((gtid) => gtid.server)).toEqual([2, 5, 7])
  })

  test('prints so that it reads back to the same', () => {
    const state = binlogState('1-7-3,1-2-9,0-2-6,0-1-5')
    expect(printBinlogState(state)).toBe('0-2-6,0-1-5,1-7-3,1-2-9')
    expect(binlogState(printBinlogState(state))).toEqual(state)
  })

  test('one server twice in one domain is unreadable', () => {
    expect(parseBinlogState('0-1-5,0-1-6')).toMatchObject({ ok: false })
  })

  test('what is not there is undefined', () => {
    expect(stateOfDomain(binlogState('0-1-5'), 1)).toBeUndefined()
    expect(inDomain(position('0-1-5'), 1)).toBeUndefined()
  })
})
