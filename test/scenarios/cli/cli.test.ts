// The program as its user meets it: every verb on real servers, without a daemon and with one.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { freePorts } from '../../../src/lab/sandbox/index.ts'
import type { Desk, Ended } from '../bad-input/desk.ts'
import { until } from '../stage/waiting.ts'
import { openShop, type Shop } from './shop.ts'

/** The client of a frozen daemon must come well before its lease runs out, on a slow machine too. */
const LEASE = { lease: '60s' }

let shop: Shop
let desk: Desk

beforeAll(async () => {
  shop = await openShop({ root: LEASE })
  desk = shop.desk
})
afterAll(() => shop?.[Symbol.asyncDispose]())

const address = (id: string): string => shop.address(id)

async function fine(...args: readonly string[]): Promise<Ended> {
  const ended = await desk.regent(...args)
  expect(ended.code, `regent ${args.join(' ')}\n${ended.out}${ended.err}`).toBe(0)
  return ended
}

test('adopt: shown and refused without a terminal, done with --yes; then every looking verb in every format', async () => {
  const shown = await desk.regent('adopt', '--open', '--server', address('s1'))
  expect(shown.code).toBe(3)
  expect(shown.err).toMatch(/ {2}1\. /)
  expect(shown.err).toContain('--yes')
  expect((await fine('plan', 'adopt', '--open', '--server', address('s1'))).out).toMatch(/ {2}1\. /)
  expect((await fine('adopt', '--open', '--server', address('s1'), '--yes')).out).toMatch(/^done: /)

  const { out } = await fine('topology')
  expect(out).toContain('epoch 1 · healthy')
  expect(out).toMatch(/├─ 127\.0\.0\.1:\d+ +replica +ro/)
  expect((await fine('topology', '-o', 'tsv')).out.split('\n')[0]).toContain('server\trole\tstate')
  const json = JSON.parse((await fine('topology', 'shop', '--json')).out)
  expect(json).toMatchObject({ alias: 'shop', verdict: 'healthy', primary: address('s1') })
  expect(parse((await fine('topology', address('s2'), '-o', 'yaml')).out)).toMatchObject({ alias: 'shop' })
  expect((await fine('topology', '--role', 'master', '-q')).out).toBe(`${address('s1')}\n`)
  expect((await fine('topology', '--role', 'slave', '-q')).out.trim().split('\n')).toHaveLength(2)
  expect((await fine('diagnose')).out).toContain('healthy')
  expect((await fine('explain', address('s1'))).out).toContain('Evidence')
  for (const verb of ['topology', 'diagnose', 'explain']) expect((await desk.regent(verb, 'nosuch')).code).toBe(2)
  expect((await desk.regent('fence', 'nosuch:1', '--yes')).err).toContain(address('s3'))
  expect((await fine('history', '-q')).out).toMatch(/^r-\S+\n$/)
  expect((await fine('grants', 'shop')).out).toContain('GRANT')
  expect((await fine('config', 'check')).out).toContain('no problems')
})

test('without a daemon: switchover, fence, rejoin, pause and forget each take the lease and give it back', async () => {
  const moved = await fine('switchover', 'shop', '--to', address('s2'), '--yes')
  expect(moved.out).toContain(`done: ${address('s2')} reigns, epoch 2`)
  expect((await fine('topology', '--role', 'primary', '-q')).out).toBe(`${address('s2')}\n`)
  const status = await fine('proxy', 'status')
  expect(status.out).toContain(address('s2'))
  await fine('unfence', address('s3'), '--over-reign', '--over-history', '--reason', 'a look inside', '--yes')
  const unfenced = /unfenced until 2\d\d\d-\S+ \d\d:\d\dZ by \w+: a look inside/
  expect((await fine('topology')).out).toMatch(new RegExp(`${address('s3')} .*${unfenced.source}`))
  await fine('fence', address('s3'), '--reason', 'try', '--yes')
  expect((await fine('topology')).out).not.toMatch(unfenced)
  await fine('rejoin', address('s3'), '--yes')
  await fine('pause', '--reason', 'storage work', '--for', '5m')
  expect((await fine('topology')).out).toContain('storage work')
  expect((await fine('resume')).out).toContain('has ended')
  await fine('forget', address('s3'))
  expect((await desk.regent('switchover', '--to', 'nobody:1', '--yes')).code).toBe(2)
  const id = (await fine('history', '-n', '1', '-q')).out.trim()
  expect((await fine('history', id)).out).toContain(address('s3'))
})

test('with a daemon: commands go to it by themselves; without its token nothing is changed; the answer may be waited for or not', async () => {
  await using watch = desk.start('watch')
  await watch.says('the page and the API are served')
  await watch.says(/"verdict":"healthy"/)
  const moved = await fine('switchover', '--to', address('s1'), '--yes', '--json')
  expect(moved.err).toContain('it gets the command')
  expect(JSON.parse(moved.out)).toMatchObject({ kind: 'done' })

  const api = `127.0.0.1:${desk.apiPort}`
  const [nobody = 0] = await freePorts(1)
  expect((await fine('topology', '--api', `127.0.0.1:${nobody}`, '--api', api, '-q')).out).toContain(address('s1'))
  expect((await desk.regent('topology', '--api', `http://127.0.0.1:${nobody}`)).code).toBe(4)
  expect((await desk.regent('switchover', '--api', api, '--yes')).code).toBe(5)
  expect((await desk.regent('switchover', '--api', api, '--token', 'wrong', '--yes')).code).toBe(5)
  expect((await desk.regent('pause', '--api', api, '--reason', 'x')).code).toBe(5)
  expect((await fine('topology', '--role', 'primary', '-q')).out).toBe(`${address('s1')}\n`)

  const left = await desk.regent('switchover', '--to', address('s2'), '--yes', '--timeout', '1ms')
  expect(left.code, left.err).toBe(6)
  const id = /regent history (r-\S+)/.exec(left.err)?.[1] ?? ''
  expect(id).not.toBe('')
  await until('it went on to its end, or never began', async () => {
    const told = await desk.regent('history', id, '--json')
    return told.code === 2 || JSON.parse(told.out).state === 'done'
  })
})

test('a daemon that is frozen: a change is refused and names it', async () => {
  await using watch = desk.start('watch')
  await watch.says('the page and the API are served')
  await watch.says(/"verdict":"healthy"/)
  // Frozen inside a write it holds the store, which is told as well; the freeze is moved past such a moment.
  for (let tries = 1; ; tries++) {
    watch.child.kill('SIGSTOP')
    try {
      const ended = await desk.regent('fence', address('s3'), '--yes')
      if (ended.err.includes('database is locked') && tries < 5) continue
      expect(ended.code, ended.err).toBe(3)
      expect(ended.err).toContain(`pid ${watch.child.pid}`)
      return
    } finally {
      watch.child.kill('SIGCONT')
    }
  }
})

test('the proxy: stopped once by its verb, told as gone after that', async () => {
  expect((await desk.regent('proxy', 'stop')).code).toBe(3)
  await fine('proxy', 'stop', '--yes')
  await until('its port is free', async () => (await desk.regent('proxy', 'status')).code === 4)
  expect((await desk.regent('proxy', 'stop', '--yes')).code).toBe(4)
})
