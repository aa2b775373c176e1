// covers P1 X6
import { expect, test } from 'vitest'
import { createWatching } from '../../../src/adapters/servers/watching.ts'
import { systemClock } from '../../../src/adapters/system/clock.ts'
import { checkServers } from '../../../src/compose-check.ts'
import { flavour, type Stage, setStage, until, words } from '../stage.ts'
import { Certificates } from './certificates.ts'

const isMysql = flavour === 'mysql'

/** Plain sessions of Regent and plain channels are turned away from now on. MySQL forgets its cached passwords with it: each login is a full one. */
async function requireTls(stage: Stage, ca: string): Promise<void> {
  const { monitor, replication } = stage.sandbox.users
  for (const { id } of stage.sandbox.servers) {
    const alter = [monitor, replication].map(({ user }) => `ALTER USER '${user}'@'%' REQUIRE SSL`)
    const [before, after] = isMysql ? [['SET GLOBAL super_read_only=0'], ['SET GLOBAL super_read_only=1']] : [[], []]
    await stage.run(id, ...before, 'SET sql_log_bin=0', ...alter, ...after)
  }
  const change = isMysql
    ? `CHANGE REPLICATION SOURCE TO SOURCE_SSL=1, SOURCE_SSL_CA='${ca}', SOURCE_SSL_VERIFY_SERVER_CERT=1`
    : `CHANGE MASTER TO MASTER_SSL=1, MASTER_SSL_CA='${ca}', MASTER_SSL_VERIFY_SERVER_CERT=1`
  for (const id of stage.replicas) await stage.run(id, words.stop, change, words.start)
}

/** How the channel is protected, in the server's own words. */
async function protection(stage: Stage, id: string) {
  const channel = (await stage.channel(id)) ?? {}
  const of = (name: string): string => String(channel[`Source_${name}`] ?? channel[`Master_${name}`] ?? '')
  return {
    receiver: String(channel[words.receiver]),
    tls: of('SSL_Allowed'),
    ca: of('SSL_CA_File'),
    verify: of('SSL_Verify_Server_Cert'),
  }
}

test('trap 33: accounts that require TLS: watched, failed over and rejoined, each channel protected as before', async () => {
  await using certificates = await Certificates.make()
  const ca = certificates.file('ca.pem')
  const verify = { verify: { ca } }
  await using stage = await setStage({
    extraServerOptions: certificates.serverOptions,
    cluster: { tls: verify, replication_tls: verify },
  })
  await requireTls(stage, ca)
  const whole = { receiver: 'Yes', tls: 'Yes', ca, verify: 'Yes' }
  for (const id of stage.replicas)
    await until(`${id} replicates by TLS`, async () => (await protection(stage, id)).receiver === 'Yes')

  await stage.watchInside()
  await stage.open()
  const writers = await stage.writers(2, 10)
  await stage.sandbox.kill('s1')
  const winner = await stage.untilReplaced('s1')
  const other = stage.replicas.find((id) => id !== winner) ?? ''
  await until(`${other} follows`, async () => (await protection(stage, other)).receiver === 'Yes')
  expect(await protection(stage, other)).toEqual(whole)

  await stage.sandbox.restart('s1')
  await until(
    's1 follows by a new channel, or has what nobody received',
    async () =>
      (await protection(stage, 's1')).receiver === 'Yes' ||
      ((await stage.shown('s1'))?.findings.some((f) => f.finding === 'errant_transactions') ?? false),
    { seen: () => stage.story() },
  )
  const rejoined = await stage.channel('s1')
  if (rejoined !== undefined) expect(await protection(stage, 's1')).toEqual(whole)
  expect(await stage.verify(writers, winner)).toMatchObject({ lost: 0, contradicted: 0 })
})

test('the check of the configuration logs in by TLS, and says what is wrong where the authority is another', async () => {
  await using certificates = await Certificates.make()
  const verify = { verify: { ca: certificates.file('ca.pem') } }
  await using stage = await setStage({
    shape: '1+1',
    semiSync: false,
    extraServerOptions: certificates.serverOptions,
    cluster: { tls: verify, replication_tls: verify },
  })
  await requireTls(stage, certificates.file('ca.pem'))
  const [cluster] = stage.config.clusters
  if (cluster === undefined) throw new Error('the configuration has no cluster')
  const problems = async (tls: typeof cluster.tls) =>
    (await checkServers({ ...cluster, tls, replicationTls: tls })).filter((f) => f.level === 'problem')
  expect((await problems(cluster.tls)).filter((f) => /log|TLS|SSL|reach|denied/i.test(f.says))).toEqual([])
  expect((await problems({ mode: 'off' })).length).toBeGreaterThan(0)

  const stranger = { mode: 'verify', ca: certificates.file('stranger.pem') } as const
  expect((await problems(stranger)).length).toBeGreaterThan(0)
  const { host, port } = stage.sandbox.server('s1')
  const watching = createWatching({
    clock: systemClock(),
    loginOf: () => ({ account: cluster.monitor, tls: stranger }),
  })
  try {
    // Alive, and of no use to us: never a death.
    expect(await watching.look({ host, port }, 'live', 2000)).toMatchObject({ kind: 'denied', errno: 2026 })
  } finally {
    watching.end()
  }
})
