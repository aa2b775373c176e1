// covers T1, T8, T9
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandAnnouncer } from '../../src/adapters/announce/command.ts'
import { proxyAnnouncer } from '../../src/adapters/announce/proxy.ts'
import { startProxy } from '../../src/proxy/process.ts'
import { announcerContract, type RouteWorld, shop } from './announcers.ts'

const soon = (): AbortSignal => AbortSignal.timeout(10_000)

async function builtInProxy(): Promise<RouteWorld> {
  const dir = await mkdtemp(join(tmpdir(), 'regent-routes-'))
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
    await rm(dir, { recursive: true, force: true })
  }
  return { announcer, soon, cut, [Symbol.asyncDispose]: end }
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

async function ownPrograms(): Promise<RouteWorld> {
  const dir = await mkdtemp(join(tmpdir(), 'regent-routes-'))
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
  return {
    ...{ announcer, soon, cut: () => writeFile(`${file}.cut`, '') },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  }
}

announcerContract('the built-in proxy', builtInProxy)
announcerContract("an operator's own programs", ownPrograms)
