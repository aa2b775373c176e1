/** `config check` and `grants`: logs in as each account, and asks the pure judges. */
import { createWatching } from './adapters/servers/watching.ts'
import { openStore } from './adapters/sqlite/open.ts'
import { systemClock } from './adapters/system/clock.ts'
import { findingsOf } from './config/check.ts'
import type { Finding, Learnt, Login } from './config/learnt.ts'
import type { Check, Grant } from './faces/cli/runners.ts'
import { type Address, parseAddress, printAddress, sameAddress } from './model/address.ts'
import type { Account, ClusterConfig, RegentConfig, TlsSettings } from './model/cluster.ts'
import type { Look } from './model/look.ts'
import { ProblemError, problem } from './model/problem.ts'
import { parseVersion, type Version } from './model/version.ts'
import { connect } from './mysql/driver.ts'
import { SessionError } from './mysql/errors.ts'
import type { AccountRole } from './mysql/grants.ts'
import { grantsFor } from './mysql/grants.ts'
import { missingGrants, rolesOf } from './mysql/show-grants.ts'

const LOGIN_MS = 3000

export async function checkServers(cluster: ClusterConfig): Promise<Check['findings']> {
  const watching = createWatching({
    clock: systemClock(),
    loginOf: () => ({ account: cluster.monitor, tls: cluster.tls }),
  })
  try {
    const seen = await Promise.all(
      cluster.seeds.map(async (seed) => ({ seed, look: await watching.look(seed, 'full', LOGIN_MS) })),
    )
    const strange = seen.filter(({ look }) => isStrange(look))
    const known = seen.filter(({ look }) => !isStrange(look))
    const learnt = await Promise.all(known.map(({ seed, look }) => learn(cluster, seed, look)))
    const findings = [...strange.map(({ seed, look }) => strangeness(seed, look)), ...findingsOf(cluster, learnt)]
    return findings.map((finding) => row(cluster, finding))
  } finally {
    watching.end()
  }
}

/** Of a server that Regent does not know no privilege can be said to be missing. */
const isStrange = (look: Look): boolean =>
  look.kind === 'unusable' && look.tryThis === problem('flavour_unknown').tryThis

const strangeness = (seed: Address, look: Look): Finding => ({
  level: 'problem',
  about: printAddress(seed),
  ...(look.kind === 'unusable' ? { says: look.problem, tryThis: look.tryThis } : { says: look.kind }),
})

const row = (cluster: ClusterConfig, { level, about, says, tryThis }: Finding): Check['findings'][number] => ({
  cluster: cluster.alias,
  level: level === 'fine' ? 'ok' : level,
  about,
  says,
  tryThis: tryThis ?? '',
})

/** Opened and closed again, as the daemon will: a full disk or a missing right is better known before the night. */
export async function checkStore({ storeDir, vantage }: RegentConfig): Promise<Check['findings']> {
  const finding = { cluster: '', about: storeDir }
  try {
    await using _opened = await openStore({ dir: storeDir, clock: systemClock(), vantage, onTrouble: () => undefined })
    return [{ ...finding, level: 'ok', says: 'the store can be read and written', tryThis: '' }]
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error
    const { says, tryThis } = error.problem
    return [{ ...finding, level: 'problem', says, tryThis }]
  }
}

async function learn(cluster: ClusterConfig, server: Address, look: Look): Promise<Learnt> {
  const [monitor, replication] = await Promise.all([
    logIn(server, 'monitor', { account: cluster.monitor, tls: cluster.tls }),
    logIn(server, 'replication', { account: cluster.replication, tls: cluster.replicationTls }),
  ])
  return { server, monitor, replication, ...(look.kind === 'answered' ? { status: look.status } : {}) }
}

interface Who {
  readonly account: Account
  readonly tls: TlsSettings
}

async function logIn(server: Address, role: AccountRole, { account, tls }: Who): Promise<Login> {
  try {
    await using session = await connect(server, {
      ...account,
      tls,
      connectTimeoutMs: LOGIN_MS,
      multipleStatements: false,
    })
    const options = { deadlineMs: LOGIN_MS }
    const first = async (sql: string): Promise<readonly string[]> =>
      (await session.query(sql, options))[0]?.map((r) => Object.values(r)[0] ?? '') ?? []
    const grants = await first('SHOW GRANTS')
    const version = parseVersion(
      (await first('SELECT @@version'))[0] ?? '',
      (await first('SELECT @@version_comment'))[0] ?? '',
    )
    const needed = version ? grantsFor(version, role, account).privileges : []
    const who = (await first('SELECT CURRENT_USER()'))[0] ?? account.user
    return { kind: 'in', account: who, lacks: missingGrants(grants, needed), roles: rolesOf(grants) }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const denied = error instanceof SessionError && error.failure.kind === 'denied'
    return denied ? { kind: 'denied', why } : { kind: 'not_reached', why }
  }
}

/** For the versions of the servers that are named or configured; where none can be asked, for the versions that tests run on. */
export async function grantRows(
  config: RegentConfig | undefined,
  server: string | undefined,
): Promise<readonly Grant[]> {
  const wanted = server === undefined ? undefined : parseAddress(server)
  if (server !== undefined && !wanted)
    throw new ProblemError(problem('usage', { what: `${server} is no address`, fix: 'write host:port' }))
  if (!config) {
    if (!wanted) return USUAL.flatMap((version) => rowsFor(version, undefined))
    const fix = 'name a configuration, whose monitor account can ask it; or leave --server out'
    throw new ProblemError(problem('usage', { what: `without an account ${server} cannot be asked`, fix }))
  }
  const owner = wanted ? config.clusters.filter((c) => c.seeds.some((seed) => sameAddress(seed, wanted))) : []
  const clusters = owner.length > 0 ? owner : config.clusters
  return (await Promise.all(clusters.map((cluster) => rowsOf(cluster, wanted)))).flat()
}

async function rowsOf(cluster: ClusterConfig, wanted: Address | undefined): Promise<readonly Grant[]> {
  const versions = await Promise.all((wanted ? [wanted] : cluster.seeds).map((seed) => versionOf(cluster, seed)))
  const found = versions.flatMap((v) => (v ? [v] : []))
  const distinct = new Map((found.length > 0 ? found : USUAL).map((v) => [nameOf(v), v]))
  return [...distinct.values()].flatMap((version) => rowsFor(version, cluster))
}

const USUAL: readonly Version[] = ['9.7.0', '10.11.0-MariaDB'].flatMap((text) => parseVersion(text) ?? [])
const nameOf = ({ flavour, numbers }: Version): string => `${flavour} ${numbers[0]}.${numbers[1]}`

const rowsFor = (version: Version, cluster: ClusterConfig | undefined): readonly Grant[] =>
  (['monitor', 'replication'] as const).flatMap((role) =>
    grantsFor(version, role, { user: cluster?.[role].user ?? (role === 'monitor' ? 'regent' : 'repl') }).statements.map(
      (statement) => ({ role, server: nameOf(version), statement, ...(cluster ? { cluster: cluster.alias } : {}) }),
    ),
  )

async function versionOf(cluster: ClusterConfig, server: Address): Promise<Version | undefined> {
  try {
    await using session = await connect(server, {
      ...cluster.monitor,
      tls: cluster.tls,
      connectTimeoutMs: LOGIN_MS,
      multipleStatements: false,
    })
    const rows = await session.query('SELECT @@version, @@version_comment', { deadlineMs: LOGIN_MS })
    const [text, comment] = Object.values(rows[0]?.[0] ?? {})
    return parseVersion(text ?? '', comment ?? '')
  } catch {
    return undefined
  }
}
