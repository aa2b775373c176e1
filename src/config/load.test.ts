import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULT_POLICY, type Policy } from '../model/policy.ts'
import { readFromDisk } from './files.ts'
import { CONFIG_PATH, load, MINIMAL, memory, right, told, withCluster } from './fixture.testing.ts'
import { loadConfig } from './load.ts'
import { POLICY_FIELDS } from './policy-fields.ts'

const WHOLE = `# yaml-language-server: $schema=https://example.org/regent.schema.json
store: /var/lib/regent
api: { listen: 127.0.0.1:3300, token_file: /etc/regent/token }
clusters:
  shop:
    seeds: [db1:3306, db2:3306]
    users:
      monitor: { user: regent, password_file: monitor.pass }
      replication: { user: repl, password: "\${REPL_PASSWORD}" }
    tls: { verify: { ca: ca.pem } }
    replication_tls: required
    servers:
      db2:3306: { site: east, promotion: prefer, downtime: false }
    untrusted_addresses: [10.0.0.9:3306]
    routes:
      - proxy: { listen: 0.0.0.0:3307, spawn: true }
      - command: { name: haproxy, withdraw: [/usr/local/bin/x, off], announce: [/usr/local/bin/x, on], deadline: 1.5s }
    clients_only_by_routes: true
    servers_start_read_only: true
    policy:
      recovery: ask
      trust_versions: [mysql 8.4]
      loss: { at_most: 10s }
      fence: readonly
      semi_sync: { wait_count: 1 }
      ackers: refuse
      other_site: never
      witnesses: 2
      anti_flapping: 0s
      silence_window: 2s
`
const SECRETS = { '/etc/regent/token': 'secret\n', '/etc/regent/monitor.pass': 'm0n\r\n' }

describe('a configuration that is right', () => {
  it('needs six lines; everything else has defaults', async () => {
    const { config, warnings } = right(await load(MINIMAL))
    expect(warnings).toEqual([])
    expect(config.storeDir).toBe('/var/lib/regent')
    expect(config.api).toEqual({ listen: { host: '127.0.0.1', port: 3300 } })
    expect(config.clusters[0]).toMatchObject({
      alias: 'shop',
      routes: [],
      tls: { mode: 'off' },
      policy: DEFAULT_POLICY,
    })
  })

  it('is read in full', async () => {
    const { config } = right(await load(WHOLE, { REPL_PASSWORD: 'r3pl' }, SECRETS))
    expect(config.api?.token).toBe('secret')
    expect(config.clusters[0]).toMatchObject({
      monitor: { user: 'regent', password: 'm0n' },
      replication: { user: 'repl', password: 'r3pl' },
      tls: { mode: 'verify', ca: '/etc/regent/ca.pem' },
      replicationTls: { mode: 'required' },
      untrustedAddresses: [{ host: '10.0.0.9', port: 3306 }],
      routes: [
        { kind: 'proxy', name: 'proxy', listen: { host: '0.0.0.0', port: 3307 }, spawn: true },
        { kind: 'command', name: 'haproxy', withdraw: ['/usr/local/bin/x', 'off'], deadlineMs: 1500 },
      ],
    })
    expect(config.clusters[0]?.servers.get('db2:3306')).toEqual({
      site: 'east',
      preference: 'prefer',
      downtimed: false,
    })
    const changed: Policy = {
      ...DEFAULT_POLICY,
      recovery: 'ask',
      trustVersions: ['mysql 8.4'],
      loss: { kind: 'at_most', seconds: 10 },
      fence: { kind: 'at_least', level: 'readonly' },
      semiSync: { kind: 'wait_count', count: 1 },
      ackers: 'refuse',
      sites: { other: 'never' },
      witnesses: 2,
      antiFlappingMs: 0,
      silenceWindowMs: 2000,
      startsReadOnly: true,
      routesAreComplete: true,
    }
    expect(config.clusters[0]?.policy).toEqual(changed)
  })

  it('has a key below policy for every value of the policy', () => {
    const declared: readonly (keyof Policy)[] = ['startsReadOnly', 'routesAreComplete']
    expect(Object.keys(POLICY_FIELDS).length + declared.length).toBe(Object.keys(DEFAULT_POLICY).length)
  })

  it('takes a key with nothing behind it for absent', async () => {
    expect(right(await load(withCluster('policy:\n  # loss: proven\nroutes:'))).config.clusters[0]?.policy).toEqual(
      DEFAULT_POLICY,
    )
  })

  it('shares a block by anchor and merge', async () => {
    const text = `clusters:
  a: &base { seeds: ["a:1"], users: { monitor: {user: u, password: p}, replication: {user: r, password: p} } }
  b: { <<: *base, seeds: ["b:1"] }
`
    expect(right(await load(text)).config.clusters.map((one) => [one.alias, one.seeds[0]?.host])).toEqual([
      ['a', 'a'],
      ['b', 'b'],
    ])
  })

  it('can switch the API off', async () => {
    expect(right(await load(`api: off\n${MINIMAL}`)).config.api).toBeUndefined()
  })
})

describe('the search', () => {
  const inPlaces = (places: readonly string[]) => memory(Object.fromEntries(places.map((place) => [place, MINIMAL])))
  const everywhere = inPlaces(['/named', '/env', './regent.yaml', '/etc/regent/regent.yaml'])

  it.each([
    ['/named', { REGENT_CONFIG: '/env' }, '/named'],
    [undefined, { REGENT_CONFIG: '/env' }, '/env'],
    [undefined, { REGENT_CONFIG: '' }, './regent.yaml'],
  ])('of %s with %j finds %s', async (path, env, found) => {
    expect(right(await loadConfig(path, env, everywhere)).config.path).toBe(found)
  })

  it('falls back to /etc', async () => {
    expect(right(await loadConfig(undefined, {}, inPlaces(['/etc/regent/regent.yaml']))).config.path).toBe(
      '/etc/regent/regent.yaml',
    )
  })

  it('never falls back from a name that was given', async () => {
    const loaded = await loadConfig('/typo', {}, everywhere)
    expect(loaded).toMatchObject({ kind: 'problems', problems: [{ code: 'config_missing', exit: 2 }] })
  })

  it('names the places where nothing was', async () => {
    const loaded = await loadConfig(undefined, {}, inPlaces([]))
    expect(loaded).toMatchObject({
      problems: [{ says: 'no configuration file was found: neither ./regent.yaml nor /etc/regent/regent.yaml' }],
    })
  })

  it('says so when a file is there and cannot be read', async () => {
    const loaded = await loadConfig(undefined, {}, async () => ({ kind: 'unreadable', why: 'EACCES' }))
    expect(loaded).toMatchObject({ kind: 'problems', problems: [{ code: 'config_wrong' }] })
  })

  it('says so when it is a directory', async () => {
    const loaded = await loadConfig(import.meta.dirname, {}, readFromDisk)
    const says = expect.stringContaining('it is a directory')
    expect(loaded).toMatchObject({ problems: [{ code: 'config_wrong', says, tryThis: 'name a file in it' }] })
  })
})

describe('all that is wrong is told at once', () => {
  it('with line, column, the key and the fix', async () => {
    const text = `polcy: 1
api: { tokn: x }
clusters:
  shop:
    seeds: [db1:3306, "db 2"]
    users:
      monitor: { user: regent, password: 123 }
      replication: { user: repl, password: "\${NOBODY_SET_THIS}" }
    tls: requird
    anti_flapping: 10m
    policy:
      antiFlapping: 10m
      act1_deadline: 5
      loss: { at_most: 10 }
      semi_sync: { wait_count: 0 }
`
    expect(told(await load(text))).toEqual([
      ':1:1: there is no key polcy at the top of the file -> did you mean "policy"? It belongs in clusters.NAME',
      ':2:8: there is no key tokn in api -> did you mean "token"?',
      ':5:23: clusters.shop.seeds[1]: "db 2" is not an address -> write host:port, for example db1:3306',
      ':7:42: clusters.shop.users.monitor.password is a number, which cannot be used there -> put it in quotes',
      ':8:44: the environment variable NOBODY_SET_THIS is not set -> set NOBODY_SET_THIS, or write $${…} for a literal dollar sign and brace',
      ':9:10: clusters.shop.tls cannot be "requird" -> did you mean "required"? write off, or required, or {verify: {ca: /etc/regent/ca.pem}}',
      ':10:5: there is no key anti_flapping in clusters.shop -> it belongs in clusters.NAME.policy',
      ':12:7: there is no key antiFlapping in clusters.shop.policy -> did you mean "anti_flapping"?',
      ':13:22: clusters.shop.policy.act1_deadline: 5 has no unit -> name the unit: 5s or 5ms',
      ':14:24: clusters.shop.policy.loss.at_most: 10 has no unit -> name the unit: 10s or 10ms',
      ':15:32: clusters.shop.policy.semi_sync.wait_count: a wait count of 0 cannot be -> write `semi_sync: off`, or a count from 1',
    ])
  })

  it.each([
    ['', 'the file is empty'],
    ['just words', 'the file is not a block of keys'],
    ['- a\n- b', 'the file is not a block of keys'],
    ['store: /x', 'clusters is missing'],
    ['clusters: {}', 'no cluster is named'],
    ['clusters: { a: { seeds: [ }', 'this is not right YAML'],
    ['a: 1\n\tb: 2', 'this is not right YAML'],
    [MINIMAL.replace('password: m', 'password_file: m.pass, password: m'), 'from more than one place'],
    [MINIMAL.replace(', password: m', ''), 'the account has no password'],
    [MINIMAL.replace('user: regent, ', ''), 'the account has no user'],
    [MINIMAL.replace('password: m', 'password_file: absent'), '/etc/regent/absent does not exist'],
    [MINIMAL.replace('[db1:3306, db2:3306, db3:3306]', '[]'), 'a cluster without a seed'],
    [MINIMAL.replace('[db1:3306, db2:3306, db3:3306]', 'db1:3306'), 'write [db1:3306, db2:3306]'],
    [MINIMAL.replace('shop:', '"sh op":'), 'a cluster cannot be called'],
    [`${MINIMAL}  shop: {}\n`, 'unique'],
    [withCluster('policy: { look_every: 1ms }'), 'write a duration from 50ms to 1m'],
    [withCluster('policy: { connect_retry: 1.5s }'), 'not a whole number of seconds'],
    [withCluster('policy: { heartbeat: "500" }'), 'name the unit: 500s or 500ms'],
    [withCluster('policy: { trust_versions: [mysql] }'), 'names no version'],
    [withCluster('policy: { witnesses: 0 }'), 'at least one replica'],
    [withCluster('policy: { fence: rotes }'), 'did you mean "routes"?'],
    [withCluster('policy: { loss: [] }'), 'clusters.shop.policy.loss cannot be a list'],
    [withCluster('servers: { "db1:x": {} }'), 'is not an address'],
    [withCluster('servers: { "::1": {} }'), 'in quotes: "[::1]:3306"'],
    [MINIMAL.replace('db1:3306', "'::1'"), 'an IPv6 host stands in brackets, the whole in quotes: "[::1]:3306"'],
    [withCluster('servers: { "db1:3306": { promotion: allways } }'), 'promotion'],
    [withCluster('servers: { db1: {}, "db1:3306": {} }'), 'described twice'],
    [withCluster('routes: [{}]'), 'exactly one of proxy and command'],
    [withCluster('routes: [{ command: { name: x, withdraw: [], announce: [a] } }]'), 'the list is empty'],
    [
      withCluster('routes: [{ command: { name: x, withdraw: "rm -rf", announce: [a] } }]'),
      'write [/usr/local/bin/route, off]',
    ],
    [withCluster('tls: false'), 'clusters.shop.tls cannot be false'],
    [withCluster('tls: { verify: { cafile: x } }'), 'there is no key cafile in clusters.shop.tls.verify'],
  ])('%j', async (text, expected) => {
    expect(told(await load(text)).join('\n')).toContain(expected)
  })

  it('one wrong cluster hides nothing of another', async () => {
    const text = `${MINIMAL}  b: { seeds: [] }\n  c:\n    seds: []\n`
    const lines = told(await load(text)).join('\n')
    expect(lines).toContain('clusters.b.users is missing')
    expect(lines).toContain('did you mean "seeds"?')
  })

  it('never shows a secret', async () => {
    const text = MINIMAL.replace('password: m', 'password: [hunter2]').replace('password: r', 'pasword: hunter3')
    const loaded = await load(text)
    expect(loaded.kind).toBe('problems')
    expect(JSON.stringify(loaded)).not.toMatch(/hunter/)
  })
})

describe('what does not go together', () => {
  const b = (seed: string) =>
    `  b:\n    seeds: [${seed}]\n    users: { monitor: { user: u, password: p }, replication: { user: r, password: p } }\n`
  it.each([
    [`${MINIMAL}${b('db1:3306')}`, 'seed db1:3306 is also a seed of cluster shop'],
    [MINIMAL.replace('db2:3306', 'db1:3306'), 'seed db1:3306 is written twice'],
    [`${MINIMAL}${b('x:1').replace('b:', 'Shop:')}`, 'differs from shop by capitals only'],
    [
      withCluster('routes: [{ proxy: { listen: "0.0.0.0:3307" } }, { proxy: { listen: "0.0.0.0:3308" } }]'),
      'two routes of cluster shop are called proxy',
    ],
    [withCluster('routes: [{ proxy: { listen: "0.0.0.0:3300" } }]'), 'where the API listens already'],
    [withCluster('routes: [{ proxy: { listen: "db1:3306" } }]'), 'which is the database server db1:3306 itself'],
    [
      withCluster('routes: [{ proxy: { listen: "0.0.0.0:3306" } }]').replace('db1', '127.0.0.1'),
      'which is the database server 127.0.0.1:3306 itself',
    ],
    [withCluster('clients_only_by_routes: true'), 'no route is named'],
    [withCluster('policy: { seal_kill_after: 2s }'), 'is not shorter than act1_deadline'],
    [
      withCluster('servers: { db1: { promotion: never }, db2: { promotion: never }, db3: { promotion: never } }'),
      'no server may ever become primary',
    ],
    [`api: { listen: "0.0.0.0:3300" }\n${MINIMAL}`, 'has no token'],
  ])('%j', async (text, expected) => {
    expect(told(await load(text)).join('\n')).toContain(expected)
  })

  it.each([
    [MINIMAL.replace('user: repl', 'user: regent'), 'are one account'],
    [MINIMAL.replace('password: r', `password: ${'r'.repeat(33)}`), 'more than 32 characters'],
    [withCluster('policy: { heartbeat: 5s }'), 'cannot tell in time'],
    [withCluster('policy: { silence_window: 200ms }'), 'no room for a second look'],
    [withCluster('policy: { loss: proven, semi_sync: off }'), 'every failover will be refused'],
  ])('is warned of where it is allowed: %j', async (text, expected) => {
    expect(right(await load(text)).warnings.join('\n')).toContain(expected)
  })
})

describe('no input makes it throw', () => {
  const yamlish = fc
    .array(
      fc.constantFrom(
        'clusters',
        'shop',
        ':',
        ' ',
        '\n',
        '  ',
        '- ',
        '{',
        '}',
        '[',
        ']',
        '"',
        "'",
        '&a',
        '*a',
        '<<: *a',
        '!!binary',
        '!x',
        '|',
        '>',
        '#',
        '\t',
        '$',
        '{X}',
        '1',
        'null',
        '~',
        '---',
        '?',
        '%',
        '\u0000',
        '💥',
        'seeds',
        'policy',
        'loss',
        '__proto__',
        'constructor',
      ),
    )
    .map((parts) => parts.join(''))
  const key = fc.constantFrom(
    'clusters',
    'shop',
    'seeds',
    'users',
    'monitor',
    'policy',
    'loss',
    'tls',
    'routes',
    'proxy',
    'listen',
    'api',
    'servers',
    'db1:3306',
    '__proto__',
    'toString',
    '',
  )
  const tree = fc.letrec((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      fc.string(),
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('node')),
      fc.dictionary(key, tie('node')),
    ),
  })).node

  it('neither text nor structure', async () => {
    const never = async (text: string) => {
      const loaded = await load(text, { X: '5', REGENT_POLICY_LOSS: '{[', REGENT_STORE: 's' })
      expect(['config', 'problems']).toContain(loaded.kind)
    }
    await fc.assert(fc.asyncProperty(fc.oneof(yamlish, fc.string(), fc.string({ unit: 'binary' })), never), {
      numRuns: 250,
    })
    await fc.assert(
      fc.asyncProperty(tree, (value) => never(JSON.stringify(value))),
      { numRuns: 150 },
    )
    await fc.assert(
      fc.asyncProperty(fc.dictionary(key, tree), (shop) => never(JSON.stringify({ clusters: { shop } }))),
      { numRuns: 150 },
    )
  })

  it('nor an alias bomb, nor a key that is a prototype', async () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\nclusters: [*d,*d,*d,*d,*d,*d]`
    expect((await load(bomb)).kind).toBe('problems')
    expect((await load('__proto__: { polluted: 1 }')).kind).toBe('problems')
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
    expect(CONFIG_PATH).toContain('regent')
  })
})
