import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { clusterId, epoch } from '../../model/ids.ts'
import type { RouteMessage } from '../../model/route.ts'
import { type CommandRoute, commandAnnouncer } from './command.ts'

const shop = clusterId('c-shop')
let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'regent-command-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const ordinal = { cluster: shop, epoch: epoch(3), number: 7 }
const open = (host: string): RouteMessage => ({ ...ordinal, kind: 'open', primary: { host, port: 3306 } })
const withdrawn: RouteMessage = { ...ordinal, kind: 'withdrawn' }
const soon = (): AbortSignal => AbortSignal.timeout(5000)

async function script(name: string, body: string): Promise<string> {
  const path = join(dir, name)
  await writeFile(path, body)
  return path
}
const sh = async (name: string, body: string, ...args: string[]): Promise<string[]> => [
  '/bin/sh',
  await script(name, body),
  ...args,
]
const node = async (name: string, body: string, ...args: string[]): Promise<string[]> => [
  process.execPath,
  await script(name, body),
  ...args,
]

async function aRoute(changes: Partial<CommandRoute> = {}): Promise<CommandRoute> {
  return {
    cluster: shop,
    withdraw: await sh('withdraw.sh', 'exit 0'),
    announce: await sh('announce.sh', 'exit 0'),
    ...changes,
  }
}

test('special characters in values arrive as they are: in the environment, and as one argument', async () => {
  const nasty = `a b'"$(touch ${dir}/pwned)\`touch ${dir}/pwned\`;&|*\n%s`
  const seen = join(dir, 'seen.json')
  const body = `require('fs').writeFileSync(${JSON.stringify(seen)}, JSON.stringify([process.argv.slice(2), process.env]))`
  const announce = await node('tell.cjs', body, '--to={host}:{port}', '{cluster}', '{nothing} $HOME')
  await commandAnnouncer('mine', await aRoute({ announce })).announce(open(nasty), soon())
  const [argv, env] = JSON.parse(await readFile(seen, 'utf8'))
  expect(argv).toEqual([`--to=${nasty}:3306`, 'c-shop', '{nothing} $HOME'])
  expect(env).toMatchObject({
    REGENT_CLUSTER: 'c-shop',
    REGENT_KIND: 'open',
    REGENT_EPOCH: '3',
    REGENT_NUMBER: '7',
    REGENT_PRIMARY_HOST: nasty,
    REGENT_PRIMARY_PORT: '3306',
  })
  await expect(readFile(join(dir, 'pwned'))).rejects.toThrow('ENOENT')
})

test('trap 10: a program that hangs is killed at the deadline with everything it started, and counts as not withdrawn', async () => {
  const pids = join(dir, 'pids')
  const withdraw = await sh('hang.sh', `sleep 60 & echo $$ $! > '${pids}.tmp'; mv '${pids}.tmp' '${pids}'; wait`)
  const ends = new AbortController()
  const told = commandAnnouncer('mine', await aRoute({ withdraw })).withdraw(withdrawn, ends.signal)
  const [shell, child] = await vi.waitFor(
    async () => (await readFile(pids, 'utf8')).trim().split(' ').map(Number),
    4000,
  )
  ends.abort(new DOMException('the deadline has passed', 'TimeoutError'))
  expect(await told).toMatchObject({ kind: 'unreachable', why: expect.stringContaining('killed') })
  await vi.waitFor(async () => {
    expect(await alive(shell)).toBe(false)
    expect(await alive(child)).toBe(false)
  }, 4000)
})

/** A killed process that nobody has reaped yet (a zombie) is dead. */
async function alive(pid: number | undefined): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => 'x) Z')
  return !/\) [ZX]/.test(state)
}

test('a flood of output neither blocks the program nor fills the memory; what it said last is told', async () => {
  const body = `for (let i = 0; i < 3000; i++) { process.stdout.write('x'.repeat(10000)); process.stderr.write('noise\\n'.repeat(100)) }
process.stderr.write('the balancer says no\\n'); process.exitCode = 3`
  const announcer = commandAnnouncer('mine', await aRoute({ withdraw: await node('flood.cjs', body) }))
  const told = await announcer.withdraw(withdrawn, AbortSignal.timeout(15_000))
  expect(told).toEqual({ kind: 'refused', why: 'it ended with 3: noise / noise / the balancer says no' })
})

test('a program that leaves a child behind in the background, holding its output, is not waited for', async () => {
  const withdraw = await sh('leaves.sh', `sleep 60 & echo $! > '${dir}/child'; exit 0`)
  const told = await commandAnnouncer('mine', await aRoute({ withdraw })).withdraw(withdrawn, soon())
  process.kill(Number(await readFile(join(dir, 'child'), 'utf8')))
  expect(told.kind).toBe('unproven')
})

test('a program that does not exist is refused, and one that no read command follows is unproven', async () => {
  const route = await aRoute({ withdraw: [join(dir, 'no-such-program')] })
  expect(await commandAnnouncer('mine', route).withdraw(withdrawn, soon())).toMatchObject({ kind: 'refused' })
  expect(await commandAnnouncer('mine', route).announce(open('db2'), soon())).toMatchObject({ kind: 'unproven' })
  expect(await commandAnnouncer('mine', route).read(soon())).toMatchObject({ kind: 'unknown' })
})

test('a read command that fails, prints nonsense or another route proves nothing', async () => {
  const after = async (read: string): Promise<unknown> =>
    commandAnnouncer('mine', await aRoute({ read: await sh('read.sh', read) })).withdraw(withdrawn, soon())
  expect(await after('exit 1')).toMatchObject({ kind: 'unreachable' })
  expect(await after('echo what?')).toMatchObject({ kind: 'unreachable' })
  expect(await after(`echo '{"kind":"open","host":"db1","port":0,"epoch":3,"number":7}'`)).toMatchObject({
    kind: 'unreachable',
  })
  expect(await after(`echo '{"kind":"withdrawn","epoch":3,"number":6}'`)).toMatchObject({
    kind: 'refused',
    has: { number: 6 },
  })
  expect(await after(`echo '{"kind":"withdrawn","epoch":3,"number":7,"cluster":"c-other"}'`)).toMatchObject({
    kind: 'refused',
  })
})

test('sessions that the read command does not count are unknown, never none', async () => {
  const counted = async (sessions: string): Promise<unknown> => {
    const read = await sh('read.sh', `echo starting; echo '{"kind":"withdrawn","epoch":3,"number":7${sessions}}'`)
    return commandAnnouncer('mine', await aRoute({ read })).withdraw(withdrawn, soon())
  }
  expect(await counted('')).toMatchObject({ kind: 'confirmed', sessionsOpen: 'unknown' })
  expect(await counted(',"sessions":0')).toMatchObject({ kind: 'confirmed', sessionsOpen: 0 })
  expect(await counted(',"sessions":-1')).toMatchObject({ kind: 'confirmed', sessionsOpen: 'unknown' })
})

test('a closing that cannot be read counts at least one session as open', async () => {
  const route = async (body: string) =>
    commandAnnouncer('mine', await aRoute({ closeSessions: await sh('close.sh', body) }))
  expect(await (await route(`echo '{"closed":4,"remaining":0}'`)).closeSessions?.('at_once', soon())).toEqual({
    closed: 4,
    remaining: 0,
  })
  expect(await (await route('exit 1')).closeSessions?.('at_once', soon())).toEqual({ closed: 0, remaining: 1 })
})

test('a late withdrawal runs no program: the route of a newer reign stays, and what stands there is named', async () => {
  const read = await sh('read.sh', `echo '{"kind":"open","host":"db2","port":3306,"epoch":4,"number":1}'`)
  const withdraw = await sh('withdraw.sh', `touch ${dir}/withdrawn`)
  const told = await commandAnnouncer('mine', await aRoute({ read, withdraw })).withdraw(withdrawn, soon())
  expect(told).toMatchObject({ kind: 'refused', has: { kind: 'open', epoch: 4, number: 1 } })
  expect(told).toMatchObject({ why: expect.stringContaining('refused_older') })
  await expect(readFile(join(dir, 'withdrawn'))).rejects.toThrow('ENOENT')
})
