import { describe, expect, test } from 'vitest'
import { binlogPosition } from './mariadb-position.testing.ts'
import {
  binlogState,
  inDomain,
  parseBinlogState,
  parsePosition,
  position,
  printBinlogState,
  printPosition,
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

  test('the order of domains in a text means nothing', () => {
    expect(position('0-1-1,1-1-1')).toEqual(position('1-1-1,0-1-1'))
    expect(position('0-1-1')).not.toEqual(position('0-2-1'))
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
