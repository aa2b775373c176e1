// covers T8 T9
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { setStage, until } from '../stage.ts'

const PROGRAM = join(import.meta.dirname, 'route.ts')
let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'regent-route-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

const node = (file: string, verb: string) => [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  PROGRAM,
  file,
  verb,
]

function route(file: string, withdraw = node(file, 'withdraw')) {
  const command = {
    name: 'vip',
    withdraw,
    announce: node(file, 'announce'),
    read: node(file, 'read'),
    close_sessions: node(file, 'close'),
  }
  return [{ command }]
}

const policy = { act1_deadline: '4s' }
const told = async (file: string): Promise<Readonly<Record<string, unknown>>> =>
  JSON.parse(await readFile(file, 'utf8'))

test('programs of the operator are the only route: withdrawn and read back before the opening, then led to the new primary', async () => {
  const file = join(dir, 'vip.json')
  await using stage = await setStage({ shape: '1+2', routes: route(file), policy })
  await stage.watchInside()
  await stage.open()
  await until('it leads to s1', async () => (await told(file))['port'] === stage.sandbox.server('s1').port)

  await stage.sandbox.freeze('s1')
  const winner = await stage.untilReplaced('s1')
  const { port } = stage.sandbox.server(winner)
  await until('it leads to the new one', async () => (await told(file))['port'] === port)
  const log = (await readFile(`${file}.log`, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(log.map((l) => l.kind)).toEqual(['open', 'withdrawn', 'open'])
  const ordinals = log.map((l) => l.epoch * 1000 + l.number)
  expect([...ordinals].sort((a, b) => a - b)).toEqual(ordinals)
  expect(new Set(ordinals).size).toBe(ordinals.length)

  await stage.sandbox.thaw('s1')
  await until('the old one is closed', async () => (await stage.writable()).join() === winner)
  stage.expectOverlaps()
})

test('trap 10: a withdrawal that hangs is ended at its deadline and proves nothing: refused, undone', async () => {
  const file = join(dir, 'hanging.json')
  const hanging = route(file, ['/bin/sleep', '600'])
  await using stage = await setStage({ shape: '1+2', routes: hanging, policy: { act1_deadline: '1s' } })
  await stage.watchInside()
  await stage.open()
  await stage.sandbox.freeze('s1')
  await until('the failover is refused', () => stage.happened('refused').length > 0, { seen: () => stage.story() })
  await stage.sandbox.thaw('s1')
  await stage.untilHealthy('s1')
  expect(await stage.writable()).toEqual(['s1'])
})
