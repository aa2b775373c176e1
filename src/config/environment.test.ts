import { describe, expect, it } from 'vitest'
import { defaultsInForce } from './defaults.ts'
import { VARIABLES } from './environment.ts'
import { load, MINIMAL, right, told, withCluster } from './fixture.testing.ts'
import { POLICY_FIELDS } from './policy-fields.ts'

describe('environment variables override the file', () => {
  it('at the top', async () => {
    const env = { REGENT_STORE: '/s', REGENT_VANTAGE: 'east', REGENT_API_LISTEN: '127.0.0.1:9', REGENT_API_TOKEN: 't' }
    const { config } = right(await load(`store: /x\napi: { token_file: /absent }\n${MINIMAL}`, env))
    expect(config).toMatchObject({ storeDir: '/s', vantage: 'east', api: { listen: { port: 9 }, token: 't' } })
  })

  it('in the accounts of every cluster, in place of a file that is not there', async () => {
    const text = MINIMAL.replace('password: m', 'password_file: /absent')
    const { config } = right(await load(text, { REGENT_MONITOR_PASSWORD: 'from $' + '{nothing}' }))
    expect(config.clusters[0]?.monitor.password).toBe('from $' + '{nothing}')
  })

  it('in the policy of every cluster', async () => {
    const { config } = right(
      await load(withCluster('policy: { loss: proven }'), {
        REGENT_POLICY_LOSS: '{at_most: 3s}',
        REGENT_POLICY_ANTI_FLAPPING: '0s',
        REGENT_POLICY_WITNESSES: '2',
      }),
    )
    expect(config.clusters[0]?.policy).toMatchObject({
      loss: { kind: 'at_most', seconds: 3 },
      antiFlappingMs: 0,
      witnesses: 2,
    })
  })

  it('not when they are empty', async () => {
    expect(right(await load(MINIMAL, { REGENT_STORE: '' })).config.storeDir).toBe('/var/lib/regent')
  })

  it('and a wrong value names the variable', async () => {
    expect(told(await load(MINIMAL, { REGENT_POLICY_LOOK_EVERY: '10' }))).toEqual([
      'environment variable REGENT_POLICY_LOOK_EVERY: clusters.shop.policy.look_every: 10 has no unit -> name the unit: 10s or 10ms',
    ])
  })

  it('and one that names nothing is an error, because it would leave the default in force', async () => {
    expect(told(await load(MINIMAL, { REGENT_POLICY_ANTIFLAPPING: '0s' })).join()).toContain(
      'did you mean REGENT_POLICY_ANTI_FLAPPING?',
    )
  })

  it('one for every key of the policy', () => {
    for (const key of Object.keys(POLICY_FIELDS)) expect(VARIABLES).toHaveProperty(`REGENT_POLICY_${key.toUpperCase()}`)
  })

  it.each([
    ['"$' + '{X}"', 'x-ray'],
    ['"a$' + '{X}b"', 'ax-rayb'],
    ['"$$' + '{X}"', '$' + '{X}'],
    ['"$X"', '$X'],
  ])('a password written as %s is %s', async (written, password) => {
    const text = MINIMAL.replace('password: m', () => `password: ${written}`)
    expect(right(await load(text, { X: 'x-ray' })).config.clusters[0]?.monitor.password).toBe(password)
  })
})

describe('the values in force', () => {
  it('name who decided each, and why the default is what it is', async () => {
    const { config, origins } = right(
      await load(withCluster('servers_start_read_only: true\npolicy: { loss: proven }'), {
        REGENT_POLICY_HEARTBEAT: '250ms',
      }),
    )
    const [cluster] = config.clusters
    const rows = cluster ? defaultsInForce(cluster, origins) : []
    const row = (name: string) => rows.find((one) => one.name === name)
    expect(row('policy.loss')).toMatchObject({ value: 'proven', source: 'file' })
    expect(row('policy.heartbeat')).toMatchObject({ value: '250ms', source: 'environment' })
    expect(row('policy.anti_flapping')).toMatchObject({ value: '10m', source: 'default' })
    expect(row('servers_start_read_only')).toMatchObject({ value: 'true', source: 'file' })
    expect(row('clients_only_by_routes')).toMatchObject({ value: 'false', source: 'default' })
    expect(rows).toHaveLength(Object.keys(POLICY_FIELDS).length + 2)
    for (const { why } of rows) expect(why).toMatch(/\w.*\.$/)
  })

  it('are printed as the file would say them: reading them back changes nothing', async () => {
    const { config, origins } = right(await load(MINIMAL))
    const [cluster] = config.clusters
    const rows = cluster ? defaultsInForce(cluster, origins) : []
    const lines = rows
      .filter((row) => row.name.startsWith('policy.'))
      .map((row) => `  ${row.name.slice('policy.'.length)}: ${row.value}`)
    const again = right(await load(withCluster(`policy:\n${lines.join('\n')}`)))
    expect(again.config.clusters[0]?.policy).toEqual(cluster?.policy)
  })
})
