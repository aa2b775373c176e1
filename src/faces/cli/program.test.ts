import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { aClient, aCluster, aRecovery, aServer, type FakeClient } from '../../../test/made-up.ts'
import type { RegentConfig } from '../../model/cluster.ts'
import { ProblemError, problem } from '../../model/problem.ts'
import type { ClusterJson } from '../api/contract.ts'
import type { Io } from './context.ts'
import { runCli } from './program.ts'
import type { Runners } from './runners.ts'

const CONFIG: RegentConfig = {
  path: 'regent.yaml',
  storeDir: '/nowhere',
  api: { listen: { host: '127.0.0.1', port: 3300 } },
  vantage: 'here',
  leaseMs: 5000,
  clusters: [],
}

interface World {
  readonly client: FakeClient
  readonly did: string[]
  readonly runners: Runners
}

/** Runners of a Regent that is made up: what was wanted of them is kept. */
function world(client: FakeClient = aClient(), more: Partial<Runners> = {}): World {
  const did: string[] = []
  const runners: Runners = {
    version: '1.2.3',
    loadConfig: async () => ({ config: CONFIG, warnings: [] }),
    local: async (_config, acting) => {
      did.push(acting ? 'local, acting' : 'local')
      return client
    },
    remote: (urls, token, changeMs) => {
      did.push(`remote ${urls.join(' ')} ${token ?? '-'} ${changeMs ?? '-'}`)
      return client
    },
    daemonOf: async () => undefined,
    readSecret: async (path) => `secret of ${path}`,
    watch: async () => undefined,
    runProxy: async () => undefined,
    proxyStatus: async () => [],
    stopProxy: async () => void did.push('stop proxy'),
    check: async () => ({ defaults: [], refusals: [], findings: [] }),
    grants: async () => [],
    ...more,
  }
  return { client, did, runners }
}

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function run({ runners }: World, argv: readonly string[], env: Io['env'] = {}): Promise<Ran> {
  const said = { out: '', err: '' }
  const stream = (to: 'out' | 'err') => {
    const through = new PassThrough()
    through.on('data', (chunk: Buffer) => {
      said[to] += chunk.toString()
    })
    return through as unknown as NodeJS.WriteStream
  }
  const io: Io = {
    stdin: new PassThrough() as unknown as NodeJS.ReadStream,
    stdout: stream('out'),
    stderr: stream('err'),
    env,
    signal: new AbortController().signal,
  }
  const code = await runCli(argv, io, runners)
  await new Promise((resolve) => setImmediate(resolve))
  return { code, ...said }
}

/** All verbs below this one, as the program itself lists them. */
async function verbs(path: readonly string[] = []): Promise<readonly (readonly string[])[]> {
  const { out } = await run(world(), [...path, '--help'])
  const listed = (out.split('\nCommands:\n')[1] ?? '').split('\n').flatMap((line) => /^ {2}(\S+)/.exec(line)?.[1] ?? [])
  const below = listed.filter((name) => name !== 'help')
  if (below.length === 0) return [path]
  return (await Promise.all(below.map((name) => verbs([...path, name])))).flat()
}

const NO_PLAN = {
  kind: 'refusal',
  reasons: [{ code: 'x', says: 'id-of-db1:3306 is too old', tryThis: 'wait' }],
} as const
const PLAN = {
  kind: 'plan',
  plan: {
    version: 1,
    recovery: 'r-9',
    kind: 'switchover',
    act: 1,
    subject: 'id-of-db1:3306',
    because: 'nothing is lost',
    steps: [
      { id: 'a', after: [] },
      { id: 'b', after: ['a'] },
    ],
    ranking: [{ server: 'id-of-db2:3306', eligible: true, reasons: ['it has all'] }],
    risks: [{ code: 'y', says: 'it may hurt' }],
    fence: { demand: { atLeast: 'readonly', alsoRoutes: false }, because: 'so' },
  },
  lines: ['first', 'second'],
  names: { 'id-of-db1:3306': 'db1:3306', 'id-of-db2:3306': 'db2:3306' },
} as never

const planning = (more: Parameters<typeof aClient>[0] = {}): FakeClient => aClient({ plan: async () => PLAN, ...more })

describe('the command line', () => {
  it('has help with an example for every verb', async () => {
    const all = await verbs()
    expect(all.length).toBeGreaterThan(25)
    for (const path of all) {
      const { code, out } = await run(world(), [...path, '--help'])
      expect(code, path.join(' ')).toBe(0)
      expect(out, path.join(' ')).toContain(`Examples:\n  regent ${path.join(' ')}`)
      expect(out).toContain('--json')
    }
  })

  it.each([
    [[], 2],
    [['--help'], 0],
    [['--version'], 0],
    [['bogus'], 2],
    [['topology', '--bogus'], 2],
    [['topology', 'a', 'b'], 2],
    [['pause', 'shop'], 2],
    [['plan'], 2],
    [['topology', '-o', 'xml'], 2],
    [['topology', '--json', '-q'], 2],
    [['topology', '-w', '0'], 2],
    [['topology', '--role', 'king'], 2],
    [['history', '-n', 'many'], 2],
    [['pause', 'shop', '--reason', 'x', '--for', '5'], 2],
    [['pause', 'shop', '--reason', 'x\u001b[2J'], 2],
    [['switchover', 'shop', '--reason', 'x\ny', '--yes'], 2],
    [['failover', 'shop', '--loss', '10s', '--yes'], 2],
    [['adopt', 'shop', '--open', '--over-reign', '--yes'], 2],
    [['unfence', 'db1:3306', '--yes'], 2],
    [['topology', 'nosuch'], 2],
    [['topology', 'shop'], 0],
    [['topology', '--role', 'alone'], 3],
    [['diagnose'], 0],
    [['switchover', 'shop', '--yes'], 3],
    [['forget', 'shop'], 0],
  ] as const)('regent %j ends with %i', async (argv, code) => {
    const ran = await run(world(), argv)
    expect(ran.code, `${ran.out}${ran.err}`).toBe(code)
    if (code === 2) expect(ran.err).not.toBe('')
    expect(ran.err).not.toContain('fault of Regent')
  })

  it('says of a seed that is forgotten that the configuration still names it, and of another server nothing of the kind', async () => {
    const servers = [aServer('db1:3306', { role: 'primary' }), aServer('db2:3306', { seed: true }), aServer('db9:3306')]
    const having = () => world(aClient({ cluster: async () => aCluster({ servers }) }))
    const seed = await run(having(), ['forget', 'db2:3306', '--cluster', 'shop'])
    expect(seed.out).toContain('it is among the seeds: take it out of the configuration')
    const other = await run(having(), ['forget', 'db9:3306', '--cluster', 'shop'])
    expect(other.out).toBe('db9:3306 is forgotten; it is found again where another server names it\n')
  })

  it('shows the semi-sync of a server only while it answers', async () => {
    const semiSync = { source: true, replica: false, clients: 3, waitCount: 1 }
    const shown = async (look: string) => {
      const servers = [aServer('db1:3306', { role: 'primary', look, semiSync })]
      return (await run(world(aClient({ cluster: async () => aCluster({ servers }) })), ['topology', 'shop'])).out
    }
    expect(await shown('answered')).toContain('semi-sync 3/1')
    expect(await shown('refused')).not.toContain('semi-sync')
  })

  it('guesses what was meant by a verb that it does not know', async () => {
    expect((await run(world(), ['topolgy'])).err).toContain('topology')
  })

  it('prints problems as JSON where JSON was asked for', async () => {
    const { code, err, out } = await run(world(), ['topology', 'nosuch', '--json'])
    expect([code, out]).toEqual([2, ''])
    expect(JSON.parse(err)).toMatchObject({ problem: 'cluster_unknown', exit: 2 })
  })

  it('prints all that is wrong with a configuration, in its order', async () => {
    const [one, two] = ['a', 'b'].map((what) => problem('config_wrong', { path: 'regent.yaml', what, fix: 'mend it' }))
    if (!one || !two) throw new Error('two problems were made')
    const loadConfig = () => Promise.reject(new ProblemError(one, { others: [two] }))
    const { code, err } = await run(world(aClient(), { loadConfig }), ['topology'])
    expect(code).toBe(2)
    expect(err.match(/regent\.yaml: \w/g)).toEqual(['regent.yaml: a', 'regent.yaml: b'])
  })

  it('calls an error that nobody foresaw its own fault, with the stack', async () => {
    const clusters = () => Promise.reject(new TypeError('oops'))
    const { code, err } = await run(world(aClient({ clusters })), ['topology'])
    expect(code).toBe(1)
    expect(err).toMatch(/fault of Regent itself[\s\S]*TypeError: oops\n +at /)
  })
})

describe('whom a verb asks', () => {
  it('the daemons that are named, with the token of the option, the file or the environment', async () => {
    const named = world()
    await run(named, ['topology', '--api', 'http://127.0.0.1:1', '--api', 'http://127.0.0.1:2', '--token', 't'])
    await run(named, ['topology', '--token-file', 'f'], { REGENT_API: 'http://127.0.0.1:1, http://127.0.0.1:2' })
    await run(named, ['topology', '--api', 'http://127.0.0.1:1'], { REGENT_TOKEN: 'e' })
    await run(named, ['switchover', '--api', 'http://127.0.0.1:1', '--timeout', '30s'])
    expect(named.did).toEqual([
      'remote http://127.0.0.1:1 http://127.0.0.1:2 t -',
      'remote http://127.0.0.1:1 http://127.0.0.1:2 secret of f -',
      'remote http://127.0.0.1:1 e -',
      'remote http://127.0.0.1:1 - 30000',
    ])
  })

  it('the daemon of the configuration where it answers, and says so before a change', async () => {
    const client = planning()
    const found = world(client, { daemonOf: async () => ({ url: 'http://127.0.0.1:3300', client }) })
    expect((await run(found, ['topology'])).err).toBe('')
    expect((await run(found, ['switchover', '--yes'])).err).toContain('the Regent at http://127.0.0.1:3300')
    expect(found.did).toEqual([])
  })

  it('else itself: looking without the lease, changing and forgetting with it', async () => {
    const alone = world(planning())
    for (const argv of [['topology'], ['plan', 'switchover'], ['switchover', '--yes'], ['forget', 'shop']])
      await run(alone, argv)
    expect(alone.did).toEqual(['local', 'local', 'local, acting', 'local, acting'])
  })

  it('where another command holds the lease it is refused with that name: 3', async () => {
    const local = () =>
      Promise.reject(new ProblemError(problem('lease_taken', { by: 'regent watch, pid 7', left: 4260.2 })))
    const { code, err } = await run(world(aClient(), { local }), ['switchover', '--yes'])
    expect(code).toBe(3)
    expect(err).toContain('regent watch, pid 7 (its lease is valid for 4260 ms more)')
  })
})

describe('what looking verbs print', () => {
  const broken: ClusterJson = aCluster({
    verdict: 'dead',
    because: 'nobody hears it',
    refusals: [{ code: 'z', says: 'id-of-db2:3306 lags', tryThis: 'wait' }],
    servers: [
      aServer('db1:3306', {
        role: 'primary',
        look: 'refused',
        why: { says: 'db1:3306 cannot be reached', tryThis: 'look' },
      }),
      aServer('db2:3306', { findings: [{ finding: 'lagging', because: 'it is behind' }] }),
    ],
  })

  it('JSON and YAML are the same value, one object for one cluster', async () => {
    const json = await run(world(), ['topology', '--json'])
    const yaml = await run(world(), ['topology', '-o', 'yaml'])
    expect(JSON.parse(json.out)).toEqual(aCluster())
    expect(parse(yaml.out)).toEqual(aCluster())
  })

  it('several clusters are one JSON object per line', async () => {
    const clusters = async () => [aCluster(), aCluster({ alias: 'blog' })]
    const { out } = await run(world(aClient({ clusters })), ['topology', '--json'])
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).alias),
    ).toEqual(['shop', 'blog'])
  })

  it.each([
    ['primary', 'db1:3306\n'],
    ['master', 'db1:3306\n'],
    ['source', 'db1:3306\n'],
    ['replica', 'db2:3306\n'],
    ['SLAVE', 'db2:3306\n'],
  ])('topology --role %s -q prints bare names', async (role, names) => {
    expect(await run(world(), ['topology', '--role', role, '-q'])).toEqual({ code: 0, out: names, err: '' })
  })

  it('a server that does not serve us stands in both with its reason and what to try', async () => {
    const client = aClient({ clusters: async () => [broken] })
    const topology = await run(world(client), ['topology'])
    expect(topology.out).toContain('! db1:3306 cannot be reached\n  try: look')
    expect(topology.out).toContain('! refused: db2:3306 lags')
    const diagnosis = await run(world(client), ['diagnose'])
    expect(diagnosis.code).toBe(1)
    expect(diagnosis.out).toMatch(/refused +db1:3306 cannot be reached/)
    expect(diagnosis.out).toContain('db1:3306: look')
    expect((await run(world(client), ['diagnose', '-q'])).out).toBe('db1:3306\ndb2:3306\n')
    expect(JSON.parse((await run(world(client), ['diagnose', '--json'])).out)).toMatchObject({
      alias: 'shop',
      verdict: 'dead',
      findings: [
        { server: 'db1:3306', finding: 'refused' },
        { server: 'db2:3306', finding: 'lagging' },
      ],
    })
  })

  it('diagnose names a fix beside the finding where there is one', async () => {
    const finding = { finding: 'follows_nobody', because: 'it has no channel', tryThis: 'regent rejoin db2:3306' }
    const client = aClient({
      clusters: async () => [aCluster({ servers: [aServer('db2:3306', { findings: [finding] })] })],
    })
    const ran = await run(world(client), ['diagnose'])
    expect([ran.code, ran.out]).toEqual([1, expect.stringContaining('db2:3306: regent rejoin db2:3306')])
  })

  it.each([
    [['refused', 'denied'], 4],
    [['silent'], 4],
    [['denied'], 5],
    [['unusable'], 1],
    [['denied', 'answered'], 0],
  ] as const)('topology of servers that are %j ends with %i', async (looks, code) => {
    const servers = looks.map((look, i) => aServer(`db${i}:3306`, { look }))
    const client = aClient({ clusters: async () => [aCluster({ servers })] })
    expect((await run(world(client), ['topology'])).code).toBe(code)
  })

  it('history is newest first, with its lengths; nothing yet is said in words', async () => {
    const history = async () => [
      aRecovery({ id: 'r-old', startedAt: 1000, endedAt: 3500 }),
      aRecovery({ id: 'r-new', startedAt: 9000 }),
    ]
    expect((await run(world(aClient({ history })), ['history', '-q'])).out).toBe('r-new\nr-old\n')
    expect((await run(world(aClient({ history })), ['history'])).out).toContain('2.5 s')
    expect((await run(world(aClient({ history: async () => [] })), ['history'])).out).toBe('no recovery yet\n')
  })
})

describe('what changing verbs do', () => {
  it('show topology, candidates, risks and the numbered plan, and change nothing without a terminal', async () => {
    const client = planning()
    const { code, out, err } = await run(world(client), ['switchover'])
    expect([code, out]).toEqual([3, ''])
    expect(err).toContain('db2:3306  replica')
    expect(err).toContain('  1. first\n  2. second  after 1')
    expect(err).toContain('+ db2:3306: it has all')
    expect(err).toContain('risk: it may hurt')
    expect(err).toContain('--yes')
    expect(client.asked.flat()).not.toContain('run')
  })

  it('with --yes give back the very plan that was shown', async () => {
    const client = planning()
    expect(await run(world(client), ['switchover', 'shop', '--yes', '--json'])).toMatchObject({ code: 0 })
    expect(client.asked.at(-1)).toMatchObject([
      'run',
      'shop',
      { verb: 'switchover', shown: { plan: { recovery: 'r-9' } }, yes: true },
    ])
  })

  it('say what was left undone, and end with 1: a problem was found', async () => {
    const left = ['attach id-of-db2:3306 to id-of-db1:3306: no answer within 2 s']
    const client = planning({ run: async () => ({ kind: 'done', id: 'r-9', says: 'id-of-db1:3306 reigns', left }) })
    const { code, out } = await run(world(client), ['switchover', '--yes'])
    expect(code).toBe(1)
    expect(out).toBe(
      'done: db1:3306 reigns (r-9)\n    not done: attach db2:3306 to db1:3306: no answer within 2 s\n    try: regent history r-9\n',
    )
  })

  it('speak of servers by address, in refusals too', async () => {
    const client = aClient({ plan: async () => NO_PLAN })
    const { code, out } = await run(world(client), ['switchover', '--yes'])
    expect(code).toBe(3)
    expect(out).toContain('refused: db1:3306 is too old')
  })

  it('the ways out over a reign and a waiting recovery reach whoever acts, by every verb that has them', async () => {
    const client = planning()
    const over = ['--over-reign', '--abandon', '--reason', 'the winner burned', '--yes']
    await run(world(client), ['adopt', 'shop', '--server', 'db1:3306', '--open', '--over-history', ...over])
    await run(world(client), ['unfence', 'db1:3306', '--cluster', 'shop', ...over])
    const accepted = { server: 'db1:3306', overReign: true, abandon: true, reason: 'the winner burned' }
    const sent = client.asked.filter((asked) => Array.isArray(asked) && asked[0] === 'run')
    expect(sent).toMatchObject([
      ['run', 'shop', { verb: 'adopt', open: true, overHistory: true, ...accepted }],
      ['run', 'shop', { verb: 'unfence', ...accepted }],
    ])
  })

  it('a change that failed names the recovery: 1', async () => {
    const client = planning({ run: async () => ({ kind: 'failed', id: 'r-9', says: 'id-of-db2:3306 hangs' }) })
    const { code, out } = await run(world(client), ['switchover', '--yes'])
    expect(code).toBe(1)
    expect(out).toBe('failed: db2:3306 hangs (r-9)\n    try: regent history r-9\n')
  })

  it('a change that goes on without us names the recovery: 6', async () => {
    const running = () => Promise.reject(new ProblemError(problem('still_running', { id: 'r-9', why: 'no answer' })))
    const { code, err } = await run(world(planning({ run: running })), ['switchover', '--yes'])
    expect(code).toBe(6)
    expect(err).toContain('regent history r-9')
  })

  it('nothing is planned where no server serves us', async () => {
    const cluster = async () => aCluster({ servers: [aServer('db1:3306', { look: 'silent' })] })
    const client = planning({ cluster })
    expect((await run(world(client), ['failover', '--yes'])).code).toBe(4)
    expect(client.asked).toEqual([])
  })

  it('a failover of a healthy primary is told of the gentler way', async () => {
    expect((await run(world(planning()), ['failover', '--yes'])).err).toContain(
      '`regent switchover` does this without loss',
    )
  })

  it('a resume says whether anything was in force', async () => {
    expect((await run(world(), ['resume', 'shop'])).out).toBe('no pause of shop was in force\n')
    const cluster = async () => aCluster({ paused: { reason: 'x', by: 'me', until: 0 } })
    expect((await run(world(aClient({ cluster })), ['resume', 'shop'])).out).toBe('the pause of shop has ended\n')
  })

  it('shows standing orders where they hold: a pause at the head of the cluster, an unfencing in the row of its server', async () => {
    const order = { reason: 'the fork is kept', by: 'root', from: 0, until: Date.UTC(2026, 0, 2, 14, 5) }
    const paused = { ...order, reason: 'storage work', by: 'eve' }
    const servers = [
      aServer('db1:3306', { role: 'primary' }),
      aServer('db2:3306', { orders: [{ kind: 'unfence', ...order }] }),
    ]
    const client = aClient({ clusters: async () => [aCluster({ paused, servers })] })
    const [head, , row] = (await run(world(client), ['topology'])).out.split('\n')
    expect(head).toContain('paused until 2026-01-02 14:05Z by eve: storage work')
    expect(row).toMatch(/db2:3306 .* unfenced until 2026-01-02 14:05Z by root: the fork is kept$/)
    const { out } = await run(world(client), ['topology', '-o', 'tsv'])
    expect(out).toMatch(/findings\torders\n/)
    expect(out).toMatch(/\tunfenced until 2026-01-02 14:05Z by root: the fork is kept\n$/)
    expect(JSON.parse((await run(world(client), ['topology', '--json'])).out)).toMatchObject({
      paused: { by: 'eve' },
      servers: [{ orders: [] }, { orders: [{ kind: 'unfence', by: 'root' }] }],
    })
  })

  it.each([[['plan', 'failover', 'shop']], [['switchover', '--yes']]])(
    'with -q, %j says beside the empty list why it is refused',
    async (argv) => {
      const { code, out, err } = await run(world(aClient({ plan: async () => NO_PLAN })), [...argv, '-q'])
      expect({ code, out }).toEqual({ code: 3, out: '' })
      expect(err).toContain('db1:3306 is too old')
    },
  )

  it('tells the exit codes with its help', async () => {
    expect((await run(world(), ['--help'])).out).toContain('3 refused by a safety check')
  })
})
