import { spawn } from 'node:child_process'
import { readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { STORE_FILE } from './open.ts'
import { type ProcessMark, thisProcess } from './process.ts'
import { type Child, child } from './spawn.testing.ts'
import { CLOCK, open, problemOf, SHOP, take, testDir, until } from './world.testing.ts'

const QUICK = { ttlMs: 600, renewEveryMs: 100 }

describe('taking the lease over', () => {
  test('a killed holder is followed at once, long before its deadline', async () => {
    using dir = testDir()
    await using opened = await open(dir.path)
    const holder = child(['hold', dir.path])
    await holder.line('held')
    expect((await opened.leases.acquire('me')).kind).toBe('taken')
    await holder.kill()
    const lease = await take(opened)
    expect(lease.token).toBe(2)
    await lease[Symbol.asyncDispose]()
  })

  test('a holder of an earlier boot is followed at once', async () => {
    using dir = testDir()
    const before: ProcessMark = { ...thisProcess(), boot: 'an earlier one' }
    await using crashed = await open(dir.path, { me: before })
    await using opened = await open(dir.path)
    const old = await take(crashed)
    const lease = await take(opened)
    await lease[Symbol.asyncDispose]()
    await old[Symbol.asyncDispose]()
  })

  test.for<readonly [string, Partial<ProcessMark>]>([
    ['a later process with the same pid', { started: '1' }],
    ['a pid that nobody has', { pid: 4_194_305 }],
  ])('%s proves the holder gone', async ([, other]) => {
    using dir = testDir()
    await using gone = await open(dir.path, { me: { ...thisProcess(), ...other } })
    await using opened = await open(dir.path)
    const old = await take(gone)
    const lease = await take(opened)
    await lease[Symbol.asyncDispose]()
    await old[Symbol.asyncDispose]()
  })

  test.for<readonly [string, Partial<ProcessMark>]>([
    ['another pid namespace', { pidNamespace: 'pid:[1]', pid: 4_194_305 }],
    ['a system that names no pid namespace', { pidNamespace: '', pid: 4_194_305 }],
    ['a system that names no boot', { boot: '', pid: 4_194_305 }],
  ])('a holder in %s cannot be seen, so its deadline is waited for', async ([, other]) => {
    using dir = testDir()
    await using unseen = await open(dir.path, {
      me: { ...thisProcess(), ...other },
      lease: { ttlMs: 600, renewEveryMs: 60_000 },
    })
    await using opened = await open(dir.path)
    const old = await take(unseen)
    const refused = await opened.leases.acquire('me')
    expect(refused.kind).toBe('taken')
    const lease = await until(async () => {
      const answer = await opened.leases.acquire('me')
      return answer.kind === 'held' ? answer.lease : undefined
    })
    expect(old.leftMs()).toBeLessThanOrEqual(0)
    await lease[Symbol.asyncDispose]()
    await old[Symbol.asyncDispose]()
  })

  test('a zombie counts as gone', async () => {
    using dir = testDir()
    await using opened = await open(dir.path)
    // The shell starts a child and becomes `sleep`, which never asks after its children.
    const parent = spawn('sh', ['-c', `sleep 100 & echo $!; exec sleep 100`], { stdio: ['ignore', 'pipe', 'ignore'] })
    try {
      const pid = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)))
      const started = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[21] ?? ''
      await using other = await open(dir.path, { me: { ...thisProcess(), pid, started } })
      const old = await take(other)
      expect((await opened.leases.acquire('me')).kind).toBe('taken')
      process.kill(pid, 'SIGKILL')
      await until(() => (/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')) ? true : undefined))
      const lease = await take(opened)
      await lease[Symbol.asyncDispose]()
      await old[Symbol.asyncDispose]()
    } finally {
      parent.kill('SIGKILL')
    }
  })

  test('trap 65: a stopped process is followed after its deadline; on waking it has lost, and its write is refused', async () => {
    using dir = testDir()
    await using opened = await open(dir.path, { lease: QUICK })
    await using holder: Child = child(['hold', dir.path])
    await holder.line('held')
    holder.process.kill('SIGSTOP')
    const lease = await until(async () => {
      const answer = await opened.leases.acquire('me')
      return answer.kind === 'held' ? answer.lease : undefined
    })
    holder.process.kill('SIGCONT')
    expect(await holder.line('lost')).toBe('lost true false')
    expect(await opened.store.reign(SHOP)).toBeUndefined()
    await lease[Symbol.asyncDispose]()
  })

  test('of several processes that start at once on a store that does not exist yet one gets it', async () => {
    using dir = testDir()
    await using first = child(['acquire', dir.path])
    await using second = child(['acquire', dir.path])
    await using third = child(['acquire', dir.path])
    const all = [first, second, third]
    await until(() => (all.every(({ lines }) => lines.length > 0) ? true : undefined))
    expect(all.flatMap(({ lines }) => lines).sort()).toEqual(['held', 'taken', 'taken'])
  })

  test('a lease that the store lets nobody renew is lost, says why, and can be taken again afterwards', async () => {
    using dir = testDir()
    await using opened = await open(dir.path, { lease: QUICK })
    const lease = await take(opened)
    {
      using other = new DatabaseSync(join(dir.path, STORE_FILE))
      other.exec('BEGIN IMMEDIATE')
      await until(() => (lease.lost.aborted ? true : undefined))
      expect(lease.leftMs()).toBeLessThanOrEqual(0)
      expect(lease.lost.reason.cause.problem.code).toBe('store_locked')
    }
    const next = await take(opened)
    expect(next.token).toBeGreaterThan(lease.token)
    await lease[Symbol.asyncDispose]()
    expect(next.lost.aborted).toBe(false)
    await next[Symbol.asyncDispose]()
  })

  test('trap 75: a file that was put in the place of ours makes two stores, and ours stops acting', async () => {
    using dir = testDir()
    await using opened = await open(dir.path, { lease: QUICK })
    const lease = await take(opened)
    renameSync(join(dir.path, STORE_FILE), join(dir.path, 'old.db'))
    await using other = await open(dir.path)
    await until(() => (lease.lost.aborted ? true : undefined))
    expect(lease.lost.reason.cause.problem.code).toBe('store_corrupt')
    expect(await problemOf(opened.leases.acquire('me'))).toBe('store_corrupt')
    expect(other.troubles).toEqual([])
    await lease[Symbol.asyncDispose]()
  })
})

describe('what is left of a lease is counted from the sending', () => {
  /** Locks the file, starts `work`, lets go 150 ms after `sent` holds, and waits until it is done. Returns when it was let go. */
  const whileLocked = async (dir: string, sent: () => true | undefined): Promise<number> => {
    using other = new DatabaseSync(join(dir, STORE_FILE))
    other.exec('BEGIN IMMEDIATE')
    await until(sent)
    await CLOCK.sleep(150)
    other.exec('ROLLBACK')
    return CLOCK.now()
  }
  const TTL = 20_000

  test('of the acquisition, which waited for a lock', async () => {
    using dir = testDir()
    await using opened = await open(dir.path, { lease: { ttlMs: TTL, renewEveryMs: 60_000 } })
    const letGo = whileLocked(dir.path, () => true)
    const lease = await take(opened)
    const age = TTL - lease.leftMs()
    expect(age).toBeGreaterThan(CLOCK.now() - (await letGo))
    await lease[Symbol.asyncDispose]()
  })

  test('of a renewal, which waited for a lock', async () => {
    using dir = testDir()
    let renewals = 0
    const sleep: typeof CLOCK.sleep = async (ms, signal) => {
      await CLOCK.sleep(ms === 100 && renewals > 0 ? 3_600_000 : ms, signal)
      if (ms === 100) renewals += 1
    }
    await using opened = await open(dir.path, { clock: { ...CLOCK, sleep }, lease: { ttlMs: TTL, renewEveryMs: 100 } })
    const takenAt = CLOCK.now()
    const lease = await take(opened)
    const letGo = await whileLocked(dir.path, () => (renewals > 0 ? true : undefined))
    const renewedAt = await until(() => {
      const at = CLOCK.now() - (TTL - lease.leftMs())
      return at > takenAt + 50 ? at : undefined
    })
    expect(renewedAt).toBeLessThan(letGo - 100)
    await lease[Symbol.asyncDispose]()
  })
})
