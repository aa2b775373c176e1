// covers T1, T8, T9
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { commandAnnouncer } from '../../src/adapters/announce/command.ts'
import { proxyAnnouncer } from '../../src/adapters/announce/proxy.ts'
import { clusterId, epoch } from '../../src/model/ids.ts'
import type { RouteMessage } from '../../src/model/route.ts'
import type { Announcer } from '../../src/ports/announcers.ts'
import { startProxy } from '../../src/proxy/process.ts'

const shop = clusterId('c-shop')
const ordinal = (reign: number, number: number) => ({ cluster: shop, epoch: epoch(reign), number })
const open = (reign: number, number: number, host = 'db1'): RouteMessage => ({
  ...ordinal(reign, number),
  kind: 'open',
  primary: { host, port: 3306 },
})
const withdrawn = (reign: number, number: number): RouteMessage => ({ ...ordinal(reign, number), kind: 'withdrawn' })
const soon = (): AbortSignal => AbortSignal.timeout(10_000)

interface Route {
  readonly announcer: Announcer
  /** The other side is gone, or does not answer any more. */
  cut(): Promise<void>
  end(): Promise<void>
}

async function builtInProxy(dir: string): Promise<Route> {
  const ends = new AbortController()
  const access = { control: join(dir, 'proxy.sock'), cluster: shop, token: 'secret' }
  const listen = { host: '127.0.0.1', port: 0 }
  const options = { ...access, listen, alias: 'shop', holdMs: 1000, stateFile: join(dir, 'state.json') }
  const start = await startProxy({ ...options, signal: ends.signal })
  if (start.kind === 'refused') throw new Error(start.problem.says)
  const announcer = proxyAnnouncer('proxy', access)
  const cut = async (): Promise<void> => {
    ends.abort()
    await start.proxy.ended
  }
  const end = async (): Promise<void> => {
    announcer[Symbol.dispose]()
    await cut()
  }
  return { announcer, cut, end }
}

/** A tiny balancer of an operator's own: a file that says where clients go, and three programs that keep it. */
const BALANCER = `
const { readFileSync, writeFileSync, existsSync } = require('node:fs')
const [, , file, what] = process.argv
const { REGENT_EPOCH, REGENT_NUMBER, REGENT_KIND, REGENT_PRIMARY_HOST, REGENT_PRIMARY_PORT } = process.env
if (existsSync(file + '.cut')) { console.error('the balancer is gone'); process.exit(1) }
if (what === 'read') console.log(existsSync(file) ? readFileSync(file, 'utf8') : '{}')
else if (what === 'close') console.log('{"closed":0,"remaining":0}')
else writeFileSync(file, JSON.stringify({ kind: REGENT_KIND, epoch: +REGENT_EPOCH, number: +REGENT_NUMBER, sessions: 0,
  ...(REGENT_KIND === 'open' && { host: REGENT_PRIMARY_HOST, port: +REGENT_PRIMARY_PORT }) }))
`

async function ownPrograms(dir: string): Promise<Route> {
  const [program, file] = [join(dir, 'balancer.cjs'), join(dir, 'route.json')]
  await writeFile(program, BALANCER)
  const run = (what: string): readonly string[] => [process.execPath, program, file, what]
  const announcer = commandAnnouncer('balancer', {
    cluster: shop,
    withdraw: run('tell'),
    announce: run('tell'),
    read: run('read'),
    closeSessions: run('close'),
  })
  return { announcer, cut: () => writeFile(`${file}.cut`, ''), end: async () => undefined }
}

describe.each([
  { name: 'the built-in proxy', make: builtInProxy },
  { name: "an operator's own programs", make: ownPrograms },
])('$name as a route', ({ make }) => {
  let dir = ''
  let route: Route
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'regent-routes-'))
    route = await make(dir)
  })
  afterEach(async () => {
    await route.end()
    await rm(dir, { recursive: true, force: true })
  })

  test('is empty before it was told anything', async () => {
    expect(await route.announcer.read(soon())).toEqual({ kind: 'empty' })
  })

  test('confirms by reading back, and reads the same later', async () => {
    const { announcer } = route
    expect(await announcer.announce(open(1, 1), soon())).toEqual({
      kind: 'confirmed',
      readBack: open(1, 1),
      sessionsOpen: 0,
    })
    expect(await announcer.withdraw(withdrawn(1, 2), soon())).toEqual({
      kind: 'confirmed',
      readBack: withdrawn(1, 2),
      sessionsOpen: 0,
    })
    expect(await announcer.announce(open(2, 1, 'db2'), soon())).toMatchObject({
      kind: 'confirmed',
      readBack: open(2, 1, 'db2'),
    })
    expect(await announcer.read(soon())).toEqual({ kind: 'known', message: open(2, 1, 'db2'), sessionsOpen: 0 })
  })

  test('confirms the same message again', async () => {
    await route.announcer.announce(open(1, 1), soon())
    expect(await route.announcer.announce(open(1, 1), soon())).toMatchObject({
      kind: 'confirmed',
      readBack: open(1, 1),
    })
  })

  test('trap 14: refuses a lower pair, and an equal pair with other content, and says what it has', async () => {
    const { announcer } = route
    await announcer.announce(open(2, 5), soon())
    for (const late of [open(2, 4, 'db9'), open(1, 9, 'db9'), open(2, 5, 'db9')]) {
      expect(await announcer.announce(late, soon())).toMatchObject({ kind: 'refused', has: open(2, 5) })
    }
    for (const late of [withdrawn(2, 4), withdrawn(1, 9), withdrawn(2, 5)]) {
      expect(await announcer.withdraw(late, soon())).toMatchObject({ kind: 'refused', has: open(2, 5) })
    }
    expect(await announcer.read(soon())).toMatchObject({ kind: 'known', message: open(2, 5) })
  })

  test('closes all sessions and says how many are left', async () => {
    expect(await route.announcer.closeSessions?.('at_once', soon())).toEqual({ closed: 0, remaining: 0 })
  })

  test('once it is gone nothing is confirmed, and no session counts as closed', async () => {
    await route.announcer.announce(open(1, 1), soon())
    await route.cut()
    const told = await route.announcer.withdraw(withdrawn(1, 2), soon())
    expect(['refused', 'unreachable']).toContain(told.kind)
    expect(await route.announcer.read(soon())).toMatchObject({ kind: 'unknown' })
    expect(await route.announcer.closeSessions?.('at_once', soon())).toMatchObject({ remaining: 1 })
  })

  test('a deadline that has passed changes nothing and confirms nothing', async () => {
    await route.announcer.announce(open(1, 1), soon())
    const late = AbortSignal.abort(new DOMException('the deadline has passed', 'TimeoutError'))
    expect(await route.announcer.announce(open(1, 2, 'db2'), late)).toMatchObject({ kind: 'unreachable' })
    expect(await route.announcer.read(soon())).toMatchObject({ kind: 'known', message: open(1, 1) })
  })
})
