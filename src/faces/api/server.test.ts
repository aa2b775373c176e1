import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { aClient, aCluster } from '../../../test/made-up.ts'
import type { EventJson } from './contract.ts'
import { type RunningApi, startApi } from './server.ts'

const TOKEN = 'a-long-secret-token'
const listeners = new Set<(event: EventJson) => void>()
const tell = (event: EventJson): void => {
  for (const listener of listeners) listener(event)
}
const trouble = (says: string): EventJson => ({ kind: 'trouble', cluster: 'c-1', at: 1, says })

let webDir = ''
let api: RunningApi
let stop: AbortController

beforeEach(async () => {
  listeners.clear()
  webDir = await mkdtemp(join(tmpdir(), 'regent-web-'))
  stop = new AbortController()
  api = await start()
})
afterEach(async () => {
  await api.end()
  await rm(webDir, { recursive: true })
})

const start = (port = 0): Promise<RunningApi> =>
  startApi({
    listen: { host: '127.0.0.1', port },
    token: TOKEN,
    client: aClient(),
    subscribe: (listener) => {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    webDir,
    signal: stop.signal,
  })

interface Heard {
  readonly id: string
  readonly event: EventJson
}

/** Follows the stream; `until` collects events up to one that satisfies. */
async function follow(headers: Record<string, string> = {}) {
  const cut = new AbortController()
  const answer = await fetch(`${api.url}/api/v1/events`, { headers, signal: cut.signal })
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const next = async (): Promise<Heard> => {
    for (;;) {
      const end = text.indexOf('\n\n')
      if (end >= 0) {
        const block = text.slice(0, end)
        text = text.slice(end + 2)
        const data = /^data: (.*)$/m.exec(block)?.[1]
        const id = /^id: (.*)$/m.exec(block)?.[1]
        if (data !== undefined && id !== undefined) return { id, event: JSON.parse(data) }
        continue
      }
      const chunk = await reader?.read()
      if (!chunk || chunk.done) throw new Error('the stream ended')
      text += chunk.value
    }
  }
  return { answer, next, leave: () => cut.abort() }
}

test('a follower is first told every cluster, then what happens', async () => {
  const page = await follow()
  expect(page.answer.headers.get('content-type')).toContain('text/event-stream')
  expect((await page.next()).event).toEqual({ kind: 'cluster', cluster: aCluster() })
  tell(trouble('a'))
  expect((await page.next()).event).toEqual(trouble('a'))
  page.leave()
})

test('whoever comes back is told what it missed, once, and after the present state', async () => {
  const page = await follow()
  await page.next()
  tell(trouble('a'))
  const last = await page.next()
  tell(trouble('b'))
  await page.next()
  page.leave()
  tell(trouble('c'))
  const again = await follow({ 'last-event-id': last.id })
  const heard = [await again.next(), await again.next(), await again.next()].map((h) => h.event)
  expect(heard).toEqual([{ kind: 'cluster', cluster: aCluster() }, trouble('b'), trouble('c')])
  again.leave()
})

test('a number from another run of the program is worth nothing', async () => {
  const page = await follow()
  await page.next()
  tell(trouble('a'))
  await page.next()
  const other = await follow({ 'last-event-id': '00000000.0' })
  await other.next()
  tell(trouble('b'))
  expect((await other.next()).event).toEqual(trouble('b'))
  page.leave()
  other.leave()
})

test('the source is left alone until somebody follows, and serves all who do', async () => {
  expect(listeners.size).toBe(0)
  const [one, two] = [await follow(), await follow()]
  expect(listeners.size).toBe(1)
  await one.next()
  await two.next()
  tell(trouble('a'))
  expect([(await one.next()).event, (await two.next()).event]).toEqual([trouble('a'), trouble('a')])
  one.leave()
  two.leave()
})

test("what a demo's writer says is told to all, and first to whoever comes later", async () => {
  const page = await follow()
  await page.next()
  const said = { acknowledged: 12, unanswered: 0, lastAckAgoMs: 3, longestGapMs: 40 }
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` }
  const answer = await fetch(`${api.url}/api/v1/writer`, { method: 'POST', headers, body: JSON.stringify(said) })
  expect(answer.status).toBe(204)
  expect((await page.next()).event).toEqual({ kind: 'writer', ...said })
  const later = await follow()
  expect([(await later.next()).event.kind, (await later.next()).event.kind]).toEqual(['cluster', 'writer'])
  page.leave()
  later.leave()
})

test('a port that somebody has is a problem with a remedy', async () => {
  await expect(start(api.listen.port)).rejects.toMatchObject({ problem: { code: 'port_taken', exit: 4 } })
})

test('the end of the signal ends the server, followers or not', async () => {
  const page = await follow()
  await page.next()
  stop.abort()
  await expect(page.next()).rejects.toThrow()
  const refused = await fetch(`${api.url}/healthz`).then(
    () => false,
    () => true,
  )
  expect(refused).toBe(true)
})

test('the page and its files are served from their folder and from nowhere else', async () => {
  await mkdir(join(webDir, 'assets'))
  await writeFile(join(webDir, 'index.html'), '<!doctype html><title>page</title>')
  await writeFile(join(webDir, 'assets', 'index-abc.js'), 'export {}')
  await writeFile(join(webDir, 'secret.txt'), 'secret')
  const page = await fetch(`${api.url}/`)
  expect([page.status, page.headers.get('cache-control')]).toEqual([200, 'no-cache'])
  const script = await fetch(`${api.url}/assets/index-abc.js`)
  expect([script.status, script.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8'])
  expect(script.headers.get('cache-control')).toContain('immutable')
  for (const path of [
    '/assets/../secret.txt',
    '/assets/..%2fsecret.txt',
    '/assets/%2e%2e/%2e%2e/etc/passwd',
    '/secret.txt',
  ])
    expect(await rawStatus(path), path).toBe(404)
})

/** fetch would tidy the path before it is sent. */
const rawStatus = (path: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: api.listen.port, path }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    asked.on('error', reject)
    asked.end()
  })
