// covers T1
/** A proxy whose store was removed under it: who takes it over, and who is told of it. The program as people run it; no servers. */
import { readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePorts } from '../../../src/lab/sandbox/index.ts'
import { type Answer, asks } from '../../../src/proxy/proxy.testing.ts'
import { Desk } from '../bad-input/desk.ts'
import { until } from '../stage/waiting.ts'

const control = (desk: Desk, route = 'proxy'): string => join(desk.store, `proxy-shop-${route}.sock`)

async function hello(desk: Desk, cluster: string): Promise<Answer> {
  return { version: 1, cluster, token: (await readFile(join(desk.store, 'proxy.token'), 'utf8')).trim() }
}

/** The proxy tells whoever asks for another cluster which one it serves. */
async function clusterServed(desk: Desk): Promise<string> {
  const { refused } = await asks(control(desk), await hello(desk, 'c-none'), { ask: 'status' })
  return /serves cluster (\S+),/.exec(String(refused))?.[1] ?? ''
}

async function configured(): Promise<{ readonly desk: Desk; readonly port: number }> {
  const desk = await Desk.open()
  const [port = 0, nobody = 0] = await freePorts(2)
  const more = { routes: [{ proxy: { listen: `127.0.0.1:${port}`, spawn: true } }], clients_only_by_routes: true }
  await desk.configure({ shop: { seeds: [`127.0.0.1:${nobody}`], more } })
  return { desk, port }
}

const config = (desk: Desk): readonly string[] => ['--config', join(desk.dir, 'regent.yaml')]

test('a proxy whose store was removed is taken over by the next Regent, its cluster and its route with it', async () => {
  const { desk, port } = await configured()
  await using _desk = desk
  await using proxy = desk.start('proxy', 'run', 'shop', ...config(desk))
  await until('it answers', async () => (await desk.regent('proxy', 'status')).code === 0)
  const cluster = await clusterServed(desk)
  const message = { cluster, epoch: 3, number: 5, kind: 'withdrawn' }
  expect(await asks(control(desk), await hello(desk, cluster), { ask: 'route', message })).toMatchObject({
    ok: { verdict: 'accepted', kept: true },
  })
  await rm(desk.store, { recursive: true })
  await using watch = desk.start('watch', ...config(desk))
  await until('the proxy is back', () => stat(control(desk)).then(Boolean, () => false))
  const status = JSON.parse((await desk.regent('proxy', 'status', '--json')).out)
  expect([status].flat()).toMatchObject([{ pid: proxy.child.pid, listen: { port }, inForce: { epoch: 3, number: 5 } }])
  expect(await clusterServed(desk)).toBe(cluster)
  expect([proxy.ended, watch.ended, watch.out.includes('in use by')]).toEqual([false, false, false])
})

test('a second proxy on a port of the same cluster names the first one and how to end it', async () => {
  const { desk, port } = await configured()
  await using _desk = desk
  await using first = desk.start('proxy', 'run', 'shop', ...config(desk))
  await until('it answers', async () => (await desk.regent('proxy', 'status')).code === 0)
  // Another store: nobody who uses it can find the first one's door.
  const elsewhere = join(desk.dir, 'elsewhere.yaml')
  const text = await readFile(join(desk.dir, 'regent.yaml'), 'utf8')
  await writeFile(elsewhere, text.replace(': "store"', ': "store2"'), { mode: 0o600 })
  const second = await desk.regent('proxy', 'run', 'shop', '--config', elsewhere)
  expect(second.code).toBe(4)
  expect(second.err).toContain(`127.0.0.1:${port} is in use by a regent proxy of this very cluster`)
  expect(second.err).toContain(`kill ${first.child.pid}`)
  expect(first.ended).toBe(false)
})

test('proxy status and stop pass on why the proxy refuses, and what can be done', async () => {
  const { desk } = await configured()
  await using _desk = desk
  await using proxy = desk.start('proxy', 'run', 'shop', ...config(desk))
  await until('it answers', async () => (await desk.regent('proxy', 'status')).code === 0)
  const elsewhere = join(desk.dir, 'elsewhere.yaml')
  const text = await readFile(join(desk.dir, 'regent.yaml'), 'utf8')
  await writeFile(elsewhere, text.replace(': "store"', ': "store2"'), { mode: 0o600 })
  // A store of its own with the door of the other: another cluster, another token.
  await desk.regent('proxy', 'status', '--config', elsewhere)
  await symlink(control(desk), join(desk.dir, 'store2', 'proxy-shop-proxy.sock'))
  const asked = async (): Promise<string> => {
    const status = await desk.regent('proxy', 'status', '--config', elsewhere)
    const stop = await desk.regent('proxy', 'stop', '--yes', '--config', elsewhere)
    expect([status.code, stop.code]).toEqual([4, 3])
    expect(status.out).toContain('refuses')
    expect(stop.err).toContain('the proxy of shop (route proxy) refuses: ')
    expect(stop.err).toContain(`(pid ${proxy.child.pid})`)
    return `${status.out}${stop.err}`
  }
  expect((await asked()).match(/wrong token/g)).toHaveLength(2)
  await writeFile(join(desk.dir, 'store2', 'proxy.token'), await readFile(join(desk.store, 'proxy.token')))
  expect((await asked()).match(/this proxy serves cluster/g)).toHaveLength(2)
  expect(proxy.ended).toBe(false)
})
