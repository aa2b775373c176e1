/** A Regent's store in a process of its own, to be killed, frozen or kept out by tests: `node child.testing.ts <role> <dir>`. One line of output per fact. */
import { epoch, recoveryId, serverId, wallTime } from '../../model/ids.ts'
import { ProblemError } from '../../model/problem.ts'
import type { Opened } from './world.testing.ts'
import { CLOCK, open, plan, recovery, SHOP, take } from './world.testing.ts'

const [role = '', dir = '', count = '0'] = process.argv.slice(2)
const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

/** Begins and ends recoveries until it is killed; names each only when its intent is said to be durable. */
async function intendForEver(opened: Opened): Promise<void> {
  const lease = await take(opened, 'child')
  for (let at = 0; ; at++) {
    const id = recoveryId(`r-${process.pid}-${at}`)
    const begun = await opened.journal.begin(recovery(id), plan(id), lease.token)
    if (begun.kind !== 'begun') throw new Error(begun.kind)
    const mints = { epoch: epoch(Number(count) + at + 1), winner: serverId('s2'), semiSync: { kind: 'off' } } as const
    const intended = await opened.journal.intend(id, { ...plan(id), act: 2, mints }, lease.token)
    if (intended !== 'intended') throw new Error(intended)
    say(id)
    await opened.journal.setState(id, 'done', wallTime(1), lease.token)
  }
}

/** Holds the lease; says when it is lost, and what then became of a write with its token. */
async function hold(opened: Opened): Promise<void> {
  const lease = await take(opened, 'child')
  say(`held ${lease.token}`)
  lease.lost.addEventListener('abort', async () => {
    const semiSync = { kind: 'off' } as const
    const reign = { cluster: SHOP, epoch: epoch(1), primary: serverId('s1'), state: 'open', semiSync } as const
    const recorded = await opened.store.recordReign({ ...reign, openedAt: '', at: wallTime(1) }, lease.token)
    say(`lost ${lease.leftMs() <= 0} ${recorded}`)
    await opened.end()
  })
  await CLOCK.sleep(60_000)
}

async function acquireOnce(opened: Opened): Promise<void> {
  const answer = await opened.leases.acquire(`child ${process.pid}`)
  say(answer.kind)
  await CLOCK.sleep(60_000)
}

try {
  const opened = await open(dir, { lease: { ttlMs: 600, renewEveryMs: 100 } })
  if (role === 'intend') await intendForEver(opened)
  else if (role === 'hold') await hold(opened)
  else if (role === 'acquire') await acquireOnce(opened)
  else if (role === 'forget') say('opened')
  else {
    say('opened')
    await opened.end()
  }
} catch (error) {
  say(error instanceof ProblemError ? error.problem.code : String(error))
}
