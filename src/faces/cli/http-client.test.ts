import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { aCluster, aQuestion } from '../../../test/made-up.ts'
import { ProblemError } from '../../model/problem.ts'
import type { CommandJson } from '../api/contract.ts'
import { HTTP_TIMES, HttpClient } from './http-client.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void

const open: Server[] = []
afterEach(async () => {
  for (const server of open.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

/** A server that answers as told; what it was asked is kept. */
async function serve(handler: Handler): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk
    })
    request.once('end', () => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? '-'} ${body}`)
      handler(request, response, body)
    })
  })
  open.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  return { url: `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`, asked }
}

const json =
  (status: number, value: unknown): Handler =>
  (_, response) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))

/** A port where nobody listens any more. */
async function nobody(): Promise<string> {
  const { url } = await serve(json(200, []))
  await new Promise((resolve) => open.pop()?.close(resolve))
  return url
}

async function problemOf(work: Promise<unknown>) {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (thrown instanceof ProblemError) return thrown.problem
  throw new Error(`no problem, but ${String(thrown)}`)
}

const RUN: CommandJson = { verb: 'switchover', shown: { plan: { recovery: 'r-7', version: 1, steps: [] } as never } }
const QUICK = { lookMs: 200, changeMs: 200 }

describe('a client of a daemon', () => {
  it('asks under /api/v1, with the token, and gives back what was answered', async () => {
    const { url, asked } = await serve(json(200, [aCluster()]))
    expect(await new HttpClient([`${url}/`], 'secret').clusters()).toEqual([aCluster()])
    expect(asked).toEqual(['GET /api/v1/clusters Bearer secret '])
  })

  it('takes names with any sign in them as one part of the path', async () => {
    const { url, asked } = await serve(json(200, aCluster()))
    await new HttpClient([url], undefined).cluster('a/b?c:3306')
    expect(asked).toEqual(['GET /api/v1/clusters/a%2Fb%3Fc%3A3306 - '])
  })

  it('takes host:port for a URL, and refuses what cannot be one', async () => {
    const { url } = await serve(json(200, [aCluster()]))
    expect(await new HttpClient([url.replace('http://', '')], undefined).clusters()).toHaveLength(1)
    expect(() => new HttpClient(['ftp://x'], undefined)).toThrow(ProblemError)
    expect(() => new HttpClient(['http://'], undefined)).toThrow(ProblemError)
  })

  it('goes on to the next URL where nobody answers, and where the one that answers may not act', async () => {
    const taken = { code: 'lease_taken', says: 'another Regent acts', tryThis: 'ask that one', exit: 3 }
    const follower = await serve(json(409, taken))
    const leader = await serve(json(200, { kind: 'done', id: 'r-7', says: 'done', left: [] }))
    const client = new HttpClient([await nobody(), follower.url, leader.url], 't')
    expect(await client.run('shop', RUN)).toMatchObject({ kind: 'done' })
    expect(leader.asked).toHaveLength(1)
    expect(await problemOf(new HttpClient([follower.url], 't').run('shop', RUN))).toMatchObject({
      code: 'lease_taken',
      exit: 3,
    })
  })

  it('names every URL that nobody answers at: exit 4', async () => {
    const [one, other] = [await nobody(), await nobody()]
    const found = await problemOf(new HttpClient([one, other], undefined).clusters())
    expect(found).toMatchObject({ code: 'daemon_unreachable', exit: 4 })
    for (const url of [one, other]) expect(found.says).toContain(url)
  })

  it.each([
    ['HTML', (_: unknown, response: ServerResponse) => void response.end('<html>')],
    ['JSON of another kind', json(200, { hello: 1 })],
    ['a list of something else', json(200, [{ hello: 1 }])],
    ['a 404 of its own', json(404, { error: 'Not Found' })],
  ])('takes nobody for a Regent who answers with %s', async (_, handler) => {
    const { url } = await serve(handler)
    expect(await problemOf(new HttpClient([url], undefined).clusters())).toMatchObject({
      code: 'daemon_unreachable',
      says: expect.stringContaining('no Regent'),
      exit: 4,
    })
  })

  it.each([
    [401, 'not_allowed', 5],
    [404, 'cluster_unknown', 2],
    [409, 'refused', 3],
    [503, 'unreachable', 4],
  ] as const)('hands on the words and the exit code of a problem: %i %s', async (status, code, exit) => {
    const { url } = await serve(json(status, { code, says: 'so it is', tryThis: 'do that', exit }))
    expect(await problemOf(new HttpClient([url], undefined).clusters())).toEqual({
      code,
      says: 'so it is',
      tryThis: 'do that',
      exit,
    })
  })

  it('hands on a problem that only a newer Regent knows', async () => {
    const { url } = await serve(json(409, { code: 'brand_new', says: 'so it is', tryThis: 'do that', exit: 3 }))
    expect(await problemOf(new HttpClient([url], undefined).clusters())).toMatchObject({ says: 'so it is', exit: 3 })
  })

  it('gives up waiting for a change with exit 6 and the id of the recovery, and gives it to nobody else', async () => {
    const slow = await serve(() => undefined)
    const other = await serve(json(200, { kind: 'done', id: 'r-7', says: 'done', left: [] }))
    const found = await problemOf(new HttpClient([slow.url, other.url], 't', QUICK).run('shop', RUN))
    expect(found).toMatchObject({
      code: 'still_running',
      exit: 6,
      tryThis: expect.stringContaining('regent history r-7'),
    })
    expect(found.says).toContain('r-7')
    expect(other.asked).toEqual([])
  })

  it('counts a change as begun when the connection ends before the answer', async () => {
    const cut = await serve((request) => void request.socket.destroy())
    const other = await serve(json(200, { kind: 'done', id: 'r-7', says: 'done', left: [] }))
    const found = await problemOf(new HttpClient([cut.url, other.url], 't').run('shop', RUN))
    expect(found).toMatchObject({ code: 'still_running', exit: 6 })
    expect(other.asked).toEqual([])
  })

  it('a look that takes too long is no change: the next one is asked', async () => {
    const slow = await serve(() => undefined)
    const other = await serve(json(200, [aCluster()]))
    expect(await new HttpClient([slow.url, other.url], 't', { ...HTTP_TIMES, lookMs: 200 }).clusters()).toHaveLength(1)
  })

  it('orders answer with nothing', async () => {
    const { url, asked } = await serve((_, response) => void response.writeHead(204).end())
    const client = new HttpClient([url], 't')
    await client.pause('shop', { reason: 'x', by: 'me', forMs: 1000 })
    await client.resume('shop')
    await client.forget('shop', 'db4:3306')
    expect(asked.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      'POST /api/v1/clusters/shop/pause',
      'POST /api/v1/clusters/shop/resume',
      'POST /api/v1/clusters/shop/forget',
    ])
  })
})

describe('what a recovery asks', () => {
  it('is read from whichever Regent asks it, and the answer goes to that one', async () => {
    const other = await serve((_, response) => void response.writeHead(204).end())
    const leader = await serve((request, response) =>
      request.method === 'GET' ? json(200, aQuestion())(request, response, '') : void response.writeHead(204).end(),
    )
    const client = new HttpClient([other.url, leader.url], 'secret')
    expect(await client.question('r-9')).toEqual(aQuestion())
    await client.answer('r-9', false)
    expect(other.asked).toEqual(['GET /api/v1/recoveries/r-9/question Bearer secret '])
    expect(leader.asked).toEqual([
      'GET /api/v1/recoveries/r-9/question Bearer secret ',
      'POST /api/v1/recoveries/r-9/answer Bearer secret {"yes":false}',
    ])
  })

  it('is nothing where nobody asks, or nobody answers', async () => {
    const idle = await serve((_, response) => void response.writeHead(204).end())
    expect(await new HttpClient([await nobody(), idle.url], undefined).question('r-9')).toBeUndefined()
  })
})
