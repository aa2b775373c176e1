import { describe, expect, it } from 'vitest'
import type { EventJson } from '../../api/contract.ts'
import { painter } from '../table.ts'
import { EventReader } from './follow.ts'
import { Screen } from './screen.ts'
import { namer, Teller } from './teller.ts'

const screenTo = (lines: string[], isTTY = false): Screen =>
  new Screen({ write: (text: string) => lines.push(text), isTTY, columns: 40 }, painter(false))

describe('the screen', () => {
  it('tells what happened in the order in which it happened', () => {
    const lines: string[] = []
    using screen = screenTo(lines)
    screen.zero(1000)
    screen.at(1094, 'opened')
    screen.at(1035, 'judged')
    screen.at(990, 'before')
    screen.flush()
    expect(lines.join('')).toBe('    -10 ms  before\n    +35 ms  judged\n    +94 ms  opened\n')
  })

  it('keeps its living line below the story, and takes it away at the end', () => {
    const lines: string[] = []
    const screen = screenTo(lines, true)
    screen.status('s2 leads')
    screen.say('a key was pressed')
    screen[Symbol.dispose]()
    const erase = '\r\u001b[2K'
    expect(lines.join('')).toBe(`${erase}s2 leads${erase}a key was pressed\n${erase}s2 leads${erase}`)
  })

  it('never lets the living line wrap, and has none without a terminal', () => {
    const onTerminal: string[] = []
    using wide = screenTo(onTerminal, true)
    wide.status('x'.repeat(100))
    expect(onTerminal.join('')).toBe(`\r\u001b[2K${'x'.repeat(39)}`)
    const piped: string[] = []
    using screen = screenTo(piped)
    screen.status('s2 leads')
    expect(piped).toEqual([])
  })
})

describe('the teller', () => {
  const refusal = (at: number, says: string): EventJson => ({
    kind: 'refused',
    cluster: 'c-1',
    at,
    what: 'rejoin',
    reasons: [{ code: 'errant_transactions', says, tryThis: 'rebuild 127.0.0.1:10' }],
  })

  it('tells a refusal once, however often it is repeated, by the names of the sandbox', () => {
    const lines: string[] = []
    using screen = screenTo(lines)
    const names = new Map([
      ['127.0.0.1:1', 's1'],
      ['127.0.0.1:10', 's2'],
    ])
    const teller = new Teller(screen, namer(names))
    teller.take(refusal(5, '127.0.0.1:1 has 0-1-7'))
    teller.take(refusal(5000, '127.0.0.1:1 has 0-1-7'))
    teller.take(refusal(6000, '127.0.0.1:10 has 0-1-8'))
    screen.flush()
    expect(lines.join('').match(/rejoin refused: .*/g)).toEqual([
      'rejoin refused: s1 has 0-1-7',
      'rejoin refused: s2 has 0-1-8',
    ])
    expect(lines.join('')).toContain('try: rebuild s2')
  })
})

it('names stand for addresses and ids, never within a GTID', () => {
  const id = '73509a7a-e5ae-11f1-99dd-02fc00000001'
  const name = namer(
    new Map([
      ['127.0.0.1:1', 's1'],
      [id, 's1'],
    ]),
  )
  expect(name(`${id} has ${id}:484; see 127.0.0.1:1: closed, 127.0.0.1:11`)).toBe(
    `s1 has ${id}:484; see s1: closed, 127.0.0.1:11`,
  )
  expect(namer(new Map())('as it is')).toBe('as it is')
})

it('events come whole out of pieces of any size, and the last number is remembered', () => {
  const event: EventJson = { kind: 'trouble', cluster: 'c-1', at: 1, says: 'a: b\ndata: c' }
  const text = `retry: 1000\n\nid: x.7\nevent: trouble\ndata: ${JSON.stringify(event)}\n\n: still here\n\n`
  for (let size = 1; size < text.length; size += 3) {
    const told: EventJson[] = []
    const reader = new EventReader((one) => told.push(one))
    for (let at = 0; at < text.length; at += size) reader.take(text.slice(at, at + size))
    expect(told).toEqual([event])
    expect(reader.lastId).toBe('x.7')
  }
})
