import type { FastifyInstance, InjectOptions } from 'fastify'
import { afterEach, expect, test } from 'vitest'
import { aClient, aCluster, aQuestion, aRecovery } from '../../../test/made-up.ts'
import { ProblemError, problem } from '../../model/problem.ts'
import type { Client } from './contract.ts'
import { buildApi } from './server.ts'

const TOKEN = 'a-long-secret-token'
const open: FastifyInstance[] = []
afterEach(async () => {
  for (const app of open.splice(0)) await app.close()
})

interface Wish {
  readonly client?: Client
  readonly host?: string
  readonly faults?: string[]
  readonly cannotAct?: () => string | undefined
}

async function api(wish: Wish = {}): Promise<FastifyInstance> {
  const { client = aClient(), host = '127.0.0.1', faults = [], cannotAct = () => undefined } = wish
  const app = await buildApi({
    listen: { host, port: 3300 },
    token: TOKEN,
    client,
    subscribe: () => ({ [Symbol.dispose]: () => undefined }),
    webDir: '/nonexistent/dist',
    signal: new AbortController().signal,
    onFault: (says) => faults.push(says),
    cannotAct,
  })
  open.push(app)
  return app
}

const get = (url: string, headers: Record<string, string> = {}): InjectOptions => ({
  method: 'GET',
  url,
  headers: { host: 'localhost:3300', ...headers },
})
const post = (url: string, payload: object, headers: Record<string, string> = {}): InjectOptions => ({
  method: 'POST',
  url,
  payload,
  headers: { host: 'localhost:3300', authorization: `Bearer ${TOKEN}`, ...headers },
})

test('what a running recovery asks is read without a token, and answered with it', async () => {
  const client = aClient({ question: async (id) => (id === 'r-9' ? aQuestion() : undefined) })
  const app = await api({ client })
  expect((await app.inject(get('/api/v1/recoveries/r-9/question'))).json()).toEqual(aQuestion())
  const nothing = await app.inject(get('/api/v1/recoveries/r-8/question'))
  expect([nothing.statusCode, nothing.body]).toEqual([204, ''])
  const answer = (body: object, headers = {}) => app.inject(post('/api/v1/recoveries/r-9/answer', body, headers))
  expect((await answer({ yes: true }, { authorization: '' })).statusCode).toBe(401)
  for (const body of [{}, { yes: 'true' }, { yes: true, really: 1 }]) expect((await answer(body)).statusCode).toBe(400)
  expect(client.asked).toEqual([])
  expect((await answer({ yes: false })).statusCode).toBe(204)
  expect(client.asked).toEqual([['answer', 'r-9', false]])
})

test('both acts as they were shown reach the client whole', async () => {
  const client = aClient()
  const app = await api({ client })
  const { plan } = aQuestion().plan
  const body = { verb: 'failover', shown: { plan, expected: plan }, yes: true }
  expect((await app.inject(post('/api/v1/clusters/shop/run', body))).json()).toMatchObject({ kind: 'done', left: [] })
  expect(client.asked).toEqual([['run', 'shop', JSON.parse(JSON.stringify(body))]])
})

test('an answer that comes too late is a conflict, in words', async () => {
  const late = () => Promise.reject(new ProblemError(problem('refused', { why: 'r-9 asks nothing', fix: 'look' })))
  const app = await api({ client: aClient({ answer: late }) })
  const told = await app.inject(post('/api/v1/recoveries/r-9/answer', { yes: true }))
  expect(told.statusCode).toBe(409)
  expect(told.json()).toMatchObject({ exit: 3, says: expect.stringContaining('asks nothing') })
})

test('reads on loopback need no token and answer what the client says', async () => {
  const client = aClient()
  const app = await api({ client })
  expect((await app.inject(get('/api/v1/clusters'))).json()).toEqual([aCluster()])
  expect((await app.inject(get('/api/v1/clusters/shop'))).json()).toEqual(aCluster())
  expect((await app.inject(get('/api/v1/clusters/shop/explain'))).json().alias).toBe('shop')
  expect((await app.inject(get('/api/v1/clusters/shop/history?limit=7'))).json()).toEqual([aRecovery()])
  expect((await app.inject(get('/api/v1/recoveries/r-9'))).json().id).toBe('r-9')
  expect(client.asked).toContainEqual(['history', 'shop', 7])
})

test('an empty name means the only cluster', async () => {
  const client = aClient()
  const app = await api({ client })
  expect((await app.inject(get('/api/v1/clusters//explain'))).statusCode).toBe(200)
  expect((await app.inject(get('/api/v1/clusters/'))).statusCode).toBe(200)
  expect(client.asked).toContainEqual(['cluster', ''])
})

test('a name with a colon and a slash in it arrives whole', async () => {
  const client = aClient({ cluster: async (name) => aCluster({ alias: name }) })
  const app = await api({ client })
  const answer = await app.inject(get(`/api/v1/clusters/${encodeURIComponent('[::1]:3306/x')}`))
  expect(answer.json().alias).toBe('[::1]:3306/x')
})

test('changes reach the client as they were asked', async () => {
  const client = aClient()
  const app = await api({ client })
  const command = { verb: 'switchover', server: 'db2:3306', loss: '10s' }
  expect((await app.inject(post('/api/v1/clusters/shop/run', command))).json()).toMatchObject({ kind: 'done' })
  expect((await app.inject(post('/api/v1/clusters/shop/plan', command))).json()).toMatchObject({ kind: 'refusal' })
  const order = { reason: 'upgrade', by: 'kim', forMs: 60_000 }
  expect((await app.inject(post('/api/v1/clusters/shop/pause', order))).statusCode).toBe(204)
  expect((await app.inject(post('/api/v1/clusters/shop/resume', {}))).statusCode).toBe(204)
  expect((await app.inject(post('/api/v1/clusters/shop/forget', { server: 'db9:3306' }))).statusCode).toBe(204)
  expect(client.asked).toEqual([
    ['run', 'shop', command],
    ['plan', 'shop', command],
    ['pause', 'shop', order],
    ['resume', 'shop'],
    ['forget', 'shop', 'db9:3306'],
  ])
})

test.each(['run', 'pause', 'resume', 'forget'])(
  '%s without the right token is not allowed, and nothing is asked',
  async (verb) => {
    const client = aClient()
    const app = await api({ client })
    for (const authorization of ['', 'Bearer wrong', `Basic ${TOKEN}`, 'Bearer ', `Bearer ${TOKEN}x`]) {
      const answer = await app.inject(post(`/api/v1/clusters/shop/${verb}`, { verb: 'failover' }, { authorization }))
      expect(answer.statusCode, authorization).toBe(401)
      expect(answer.headers['www-authenticate']).toContain('Bearer')
      expect(answer.json()).toMatchObject({ code: 'not_allowed', exit: 5, tryThis: expect.stringContaining('token') })
      expect(answer.body).not.toContain(TOKEN)
    }
    expect(client.asked).toEqual([])
  },
)

test('a listener that others reach asks for the token for reads and plans, too', async () => {
  const app = await api({ host: '0.0.0.0' })
  expect((await app.inject(get('/api/v1/clusters'))).statusCode).toBe(401)
  expect((await app.inject(get('/api/v1/events'))).statusCode).toBe(401)
  expect((await app.inject(get('/api/v1/openapi.json'))).statusCode).toBe(401)
  const withToken = { authorization: `Bearer ${TOKEN}`, host: 'regent.example:3300' }
  expect((await app.inject(get('/api/v1/clusters', withToken))).statusCode).toBe(200)
  const plan = post('/api/v1/clusters/shop/plan', { verb: 'failover' }, { authorization: '' })
  expect((await app.inject(plan)).statusCode).toBe(401)
})

test('on loopback a plan needs no token: it changes nothing', async () => {
  const app = await api()
  const answer = await app.inject(post('/api/v1/clusters/shop/plan', { verb: 'failover' }, { authorization: '' }))
  expect(answer.statusCode).toBe(200)
})

test.each(['evil.example', 'evil.example:3300', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.7:3300'])(
  'a loopback listener that is asked for as "%s" refuses: a foreign page made that name point here',
  async (host) => {
    const app = await api()
    for (const request of [get('/api/v1/clusters', { host }), post('/api/v1/clusters/shop/resume', {}, { host })]) {
      const answer = await app.inject(request)
      expect(answer.statusCode).toBe(403)
      expect(answer.json().code).toBe('not_allowed')
    }
  },
)

test.each(['localhost', '127.0.0.1:8080', '[::1]:3300'])('"%s" is this host', async (host) => {
  const app = await api()
  expect((await app.inject(get('/api/v1/clusters', { host }))).statusCode).toBe(200)
})

test('no answer allows other origins, and a preflight gets nothing', async () => {
  const app = await api()
  const answer = await app.inject(get('/api/v1/clusters', { origin: 'http://evil.example' }))
  expect(Object.keys(answer.headers).filter((h) => h.startsWith('access-control'))).toEqual([])
  const preflight = await app.inject({ ...get('/api/v1/clusters/shop/run'), method: 'OPTIONS' })
  expect(preflight.statusCode).toBe(404)
})

test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', undefined])(
  'a body that says it is %s is refused: forms of foreign pages can post those',
  async (type) => {
    const client = aClient()
    const app = await api({ client })
    const { authorization, host } = { authorization: `Bearer ${TOKEN}`, host: 'localhost' }
    const headers = { authorization, host, ...(type === undefined ? {} : { 'content-type': type }) }
    const answer = await app.inject({
      method: 'POST',
      url: '/api/v1/clusters/shop/plan',
      headers,
      payload: '{"verb":"failover"}',
    })
    expect(answer.statusCode).toBe(415)
    expect(answer.json()).toMatchObject({ code: 'usage', tryThis: expect.stringContaining('application/json') })
    expect(client.asked).toEqual([])
  },
)

test('an unknown key is an error that names the right one', async () => {
  const app = await api()
  const answer = await app.inject(post('/api/v1/clusters/shop/plan', { verb: 'failover', sever: 'db2' }))
  expect(answer.statusCode).toBe(400)
  expect(answer.json()).toEqual({
    code: 'usage',
    says: 'unknown key sever',
    tryThis: 'write server instead of sever',
    exit: 2,
  })
  const far = await app.inject(post('/api/v1/clusters/shop/forget', { server: 'db2', xyz: 1 }))
  expect(far.json().tryThis).toContain('the keys are server')
  expect((await app.inject(get('/api/v1/clusters/shop/history?limt=3'))).json().tryThis).toContain('write limit')
  expect((await app.inject(get('/api/v1/clusters?x=3'))).statusCode).toBe(400)
})

test.each([
  ['/clusters/shop/run', { verb: 'explode' }],
  ['/clusters/shop/run', {}],
  ['/clusters/shop/run', { verb: 'failover', shown: { plan: { version: 2 } } }],
  ['/clusters/shop/run', { verb: 'failover', shown: { plan: { ...aQuestion().plan.plan, risks: undefined } } }],
  ['/clusters/shop/run', { verb: 'failover', shown: { plan: { ...aQuestion().plan.plan, fence: { demand: {} } } } }],
  ['/clusters/shop/run', { verb: 'failover', shown: { plan: aQuestion().plan.plan, expected: { version: 1 } } }],
  ['/clusters/shop/run', { verb: 'failover', yes: 'please' }],
  ['/clusters/shop/pause', { reason: '', by: 'kim', forMs: 1 }],
  ['/clusters/shop/pause', { reason: 'x', by: 'kim', forMs: -1 }],
  ['/clusters/shop/pause', { reason: 'x\u001b[2J', by: 'kim', forMs: 1 }],
  ['/clusters/shop/run', { verb: 'failover', reason: 'x\nrefused: no' }],
  ['/clusters/shop/forget', { server: 'db1\u009b2J' }],
  ['/clusters/shop/forget', {}],
])('%s with %j is a 400 that says which field', async (path, body) => {
  const client = aClient()
  const app = await api({ client })
  const answer = await app.inject(post(`/api/v1${path}`, body))
  expect(answer.statusCode).toBe(400)
  expect(answer.json().says).toMatch(/verb|shown|yes|reason|forMs|server/)
  expect(client.asked).toEqual([])
})

test('a body that is no JSON, or too large, is refused in the same words', async () => {
  const app = await api()
  const raw = { ...post('/api/v1/clusters/shop/plan', {}), payload: '{"verb":' }
  const json = { headers: { ...raw.headers, 'content-type': 'application/json' } }
  expect((await app.inject({ ...raw, ...json })).json()).toMatchObject({
    code: 'usage',
    says: 'the body is not valid JSON',
  })
  const large = await app.inject(
    post('/api/v1/clusters/shop/plan', { verb: 'failover', reason: 'x'.repeat(1_100_000) }),
  )
  expect(large.statusCode).toBe(413)
  expect(large.json().code).toBe('usage')
})

test.each([
  [problem('cluster_unknown', { name: 'x', known: 'shop' }), 404],
  [problem('usage', { what: 'x', fix: 'y' }), 400],
  [problem('refused', { why: 'x', fix: 'y' }), 409],
  [problem('unreachable', { server: 'db1', why: 'x' }), 503],
  [problem('access_denied', { server: 'db1', user: 'u', why: 'x' }), 401],
  [problem('recovery_failed', { what: 'x', id: 'r' }), 500],
  [{ ...problem('refused', { why: 'x', fix: 'y' }), exit: 6 as const }, 202],
])('%j becomes status %i with its words', async (found, status) => {
  const app = await api({ client: aClient({ clusters: () => Promise.reject(new ProblemError(found)) }) })
  const answer = await app.inject(get('/api/v1/clusters'))
  expect(answer.statusCode).toBe(status)
  expect(answer.json()).toEqual(found)
})

test('a fault is told to the log and not to the caller', async () => {
  const faults: string[] = []
  const app = await api({ faults, client: aClient({ clusters: () => Promise.reject(new Error('secret detail')) }) })
  const answer = await app.inject(get('/api/v1/clusters?'))
  expect(answer.statusCode).toBe(500)
  expect(answer.json().code).toBe('fault')
  expect(answer.body).not.toContain('secret detail')
  expect(faults.join()).toContain('secret detail')
})

test('an unknown path is a 404 in the same words', async () => {
  const app = await api()
  const answer = await app.inject(get('/api/v1/cluster'))
  expect(answer.statusCode).toBe(404)
  expect(answer.json()).toMatchObject({ code: 'usage', says: 'there is no GET /api/v1/cluster' })
})

test('a path that cannot be decoded is a problem like any other', async () => {
  const answer = await (await api()).inject(get('/api/v1/clusters/%ff'))
  expect(answer.statusCode).toBe(400)
  expect(answer.json()).toEqual({
    code: 'usage',
    says: expect.stringContaining('the path is not valid'),
    tryThis: 'percent-encode it as UTF-8',
    exit: 2,
  })
})

test('changes are never a GET', async () => {
  const app = await api()
  for (const verb of ['plan', 'run', 'pause', 'resume', 'forget'])
    expect((await app.inject(get(`/api/v1/clusters/shop/${verb}`))).statusCode, verb).toBe(404)
})

test('health needs no token and no name; ready means that every cluster was looked at', async () => {
  const app = await api({ host: '0.0.0.0' })
  expect((await app.inject(get('/healthz', { host: 'whatever' }))).json()).toEqual({ running: true })
  expect((await app.inject(get('/readyz'))).statusCode).toBe(200)
  const blind = await api({ client: aClient({ clusters: () => Promise.reject(new Error('not yet')) }) })
  expect((await blind.inject(get('/readyz'))).statusCode).toBe(503)
})

test('a Regent that could change nothing is not ready, and says why', async () => {
  let why: string | undefined = 'it does not hold the lease'
  const app = await api({ cannotAct: () => why })
  const idle = await app.inject(get('/readyz'))
  expect([idle.statusCode, idle.json()]).toEqual([503, { ready: false, why }])
  why = undefined
  const ready = await app.inject(get('/readyz'))
  expect([ready.statusCode, ready.json()]).toEqual([200, { ready: true }])
})

test('the OpenAPI document has every route with the shape of its body', async () => {
  const app = await api()
  const document = (await app.inject(get('/api/v1/openapi.json'))).json()
  expect(Object.keys(document.paths)).toEqual(
    expect.arrayContaining(['/api/v1/clusters', '/api/v1/clusters/{name}/run', '/api/v1/events', '/healthz']),
  )
  const body = document.paths['/api/v1/clusters/{name}/run'].post.requestBody.content['application/json'].schema
  expect(body.properties.verb.enum).toContain('failover')
  expect(body.additionalProperties).toBe(false)
})

test('where the page is not built, a plain one names the command', async () => {
  const app = await api()
  const answer = await app.inject(get('/'))
  expect(answer.statusCode).toBe(503)
  expect(answer.body).toContain('npm run build:web')
  expect(answer.headers['content-security-policy']).toContain("default-src 'none'")
})
