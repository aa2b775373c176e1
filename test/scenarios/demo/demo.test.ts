/** The commands a newcomer gives first, as they give them: on real servers, by `bin/regent`. covers the demo and the sandbox */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { soak } from '../stage/words.ts'

const REGENT = resolve(import.meta.dirname, '../../../bin/regent')
const FLAVOUR = process.env['REGENT_TEST_FLAVOUR'] === 'mysql' ? 'mysql' : 'mariadb'

const ROUNDS = Array.from({ length: soak ? 10 : 1 }, (_, round) => round)

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'regent-demo-'))
})
afterEach(async () => {
  await regent('sandbox', 'down')
  await rm(home, { recursive: true, force: true })
})

function regent(...args: readonly string[]): Promise<Ended> {
  return new Promise((done) => {
    execFile(REGENT, args, { cwd: home, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      done({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr })
    })
  })
}

/** Ids of processes that name something below the working directory. */
function processesHere(): readonly string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(home)
    } catch {
      return false
    }
  })
}

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? ''

describe(`on ${FLAVOUR}`, () => {
  it.each(ROUNDS)(
    'demo --once --json tells a failover without loss in one object, and leaves nothing (round %i)',
    async () => {
      const { code, stdout, stderr } = await regent('demo', '--once', '--json', '--server', FLAVOUR)
      const facts: Record<string, unknown> = JSON.parse(lastLine(stdout))
      expect({ ...facts, code }, stderr).toMatchObject({
        code: 0,
        server: FLAVOUR,
        fault: 'kill',
        failedOver: true,
        lost: 0,
        errors: [],
      })
      expect(Object.keys(facts)).toEqual(
        'server version fault failedOver outageMs detectedMs promotedMs acknowledged lost rejoined errant errors'.split(
          ' ',
        ),
      )
      const { detectedMs, promotedMs, outageMs, acknowledged, rejoined, errant } = facts
      expect(Number(detectedMs)).toBeGreaterThan(0)
      expect(Number(promotedMs)).toBeGreaterThan(Number(detectedMs))
      expect(Number(outageMs)).toBeGreaterThan(0)
      expect(Number(acknowledged)).toBeGreaterThan(100)
      // Rejoined, or fenced with what only it has: never both, never neither.
      expect(rejoined === true).toBe(Array.isArray(errant) && errant.length === 0)
      expect(processesHere()).toEqual([])
      expect(readdirSync(join(home, '.regent/sandbox'))).toEqual([])
    },
  )

  it('sandbox up leaves an open topology with a ready configuration; its verbs break, heal and end it', async () => {
    const up = await regent('sandbox', 'up', '--server', FLAVOUR, '--shape', '1+1', '--semi-sync', '--json')
    expect(up.code, up.stderr).toBe(0)
    const made: { config: string; servers: { id: string; port: number; dataDir: string }[] } = JSON.parse(up.stdout)
    expect(Object.keys(made)).toEqual(['server', 'shape', 'servers', 'users', 'proxy', 'api', 'config'])
    const topology = await regent('topology', '--config', made.config, '--json')
    expect(JSON.parse(topology.stdout)).toMatchObject({ verdict: 'healthy', epoch: 1, routes: [{ state: 'open' }] })

    const stateOf = async (...verb: readonly string[]): Promise<unknown> =>
      JSON.parse((await regent('sandbox', ...verb, '--json')).stdout).state
    expect(await stateOf('freeze', 's2')).toBe('frozen')
    expect(await stateOf('thaw', `127.0.0.1:${made.servers[1]?.port}`)).toBe('running')
    expect(await stateOf('kill', 's2')).toBe('stopped')
    expect(await stateOf('restart', 's2')).toBe('running')

    expect((await regent('sandbox', 'down')).code).toBe(0)
    expect(processesHere()).toEqual([])
    expect(existsSync(made.config)).toBe(false)
    expect(await regent('sandbox', 'status')).toMatchObject({ code: 2 })
  })

  it('sandbox up in a directory that is in use is refused, and harms nobody there', async () => {
    const first = await regent('sandbox', 'up', '--server', FLAVOUR, '--shape', '1+1', '--no-adopt', '--dir', 'here')
    expect(first.code, first.stderr).toBe(0)
    const second = await regent('sandbox', 'up', '--server', FLAVOUR, '--shape', '1+1', '--dir', 'here')
    expect(second.code).toBe(1)
    expect(second.stderr).toContain('already running')
    const { servers } = JSON.parse((await regent('sandbox', 'status', '--json')).stdout)
    expect(servers).toMatchObject([{ state: 'running' }, { state: 'running' }])
  })
})
