import { printAddress } from '../../model/address.ts'
import { ownWritesBeyond } from '../../model/history/own-writes.ts'
import { done, failed, type Outcome } from '../../model/outcome.ts'
import { type ServerStatus, takesWrites } from '../../model/server.ts'
import { both } from '../../mysql/change/question.ts'
import type { Thread } from '../../mysql/change/state.ts'
import { ended, type Hand, type Seen, seen } from './change-hand.ts'

const LOOK_AGAIN_MS = 5
const NO_SUCH_THREAD = 1094

/**
 * Every client session is killed until a look finds none that is not shown as killed. New ones are killed as well, while
 * the signal lets it: a client that finds a way back in keeps its outcome from being `done`.
 */
export async function cutClients(hand: Hand, isOurs: (thread: Thread) => boolean): Promise<Outcome> {
  const cut = new Set<number>()
  const clients = (threads: readonly Thread[]): readonly Thread[] =>
    threads.filter((thread) => thread.kind === 'client' && !thread.killed && !isOurs(thread))
  let look = await hand.ask(hand.side.threads)
  for (let looks = 1; ; looks++) {
    if (!look.ok) return look.outcome
    const left = clients(look.value)
    if (left.length === 0) {
      return { kind: 'done', says: `${cut.size} client sessions are cut`, facts: { cut: cut.size, left: 0 } }
    }
    if (hand.context.signal.aborted) return someLeft(cut.size, left)
    if (!isSettled(left) && looks < SETTLE_LOOKS) {
      if (!(await hand.pause(LOOK_AGAIN_MS))) return someLeft(cut.size, left)
      look = await hand.ask(hand.side.threads)
      continue
    }
    const fresh = left.filter((thread) => !cut.has(thread.id))
    for (const thread of left) cut.add(thread.id)
    if (fresh.length === 0 && !(await hand.pause(LOOK_AGAIN_MS))) return someLeft(cut.size, left)
    look = await kill(hand, left)
  }
}

/** Commits reach their wait within milliseconds where nobody acknowledges any more. */
const SETTLE_LOOKS = 40

/** On its way to the wait a commit that is killed passes it, with all that were committed with it: so it is not killed there, for a while. */
const isSettled = (clients: readonly Thread[]): boolean =>
  clients.every(({ commit }) => commit === undefined) || clients.some(({ commit }) => commit === 'waits')

/** Who waits is killed last: its group is let through, and whoever belongs to it must have lost its connection by then. */
const waitingLast = (threads: readonly Thread[]): readonly Thread[] =>
  threads.toSorted((a, b) => Number(a.commit === 'waits') - Number(b.commit === 'waits'))

/** All in one packet. A session that has gone by itself ends the packet with an error: the next look finds the rest. */
async function kill(hand: Hand, threads: readonly Thread[]): Promise<Seen<readonly Thread[]>> {
  const killed = await hand.change(
    waitingLast(threads).map((thread) => hand.side.kill(thread.id)),
    hand.side.threads,
  )
  if (killed.ok || killed.error !== NO_SUCH_THREAD) return killed
  const again = await hand.ask(hand.side.threads)
  return again.ok ? seen(again.value) : again
}

const someLeft = (cut: number, left: readonly Thread[]): Outcome =>
  failed(
    'clients_left',
    `${cut} client sessions were killed, ${left.length} are still there: ${namesOf(left)}`,
    'close their way in first, then repeat',
  )

const notWatched = failed(
  'not_watched',
  'there was no time left to see whether clients come back that read-only does not hold',
)

/** How long those that were cut are watched for, and how often: one that writes all the time is seen at it within that. */
const WATCH_MS = 300
const WATCH_EVERY_MS = 5

/**
 * Sessions that a closed server does not hold (MariaDB: READ_ONLY ADMIN, SUPER), killed and seen gone: a pool that goes on through a
 * route comes back there. One that comes back by itself and writes would write on behind the closing, so it is named; one that only
 * reads does no harm. Before a closing they are watched for only where there were some: that costs one look where there are none. Once
 * the server is closed they are watched for in any case: they may have been cut with all the others a moment ago, and be under way.
 */
export async function cutPrivileged(hand: Hand, isOurs: (thread: Thread) => boolean): Promise<Outcome> {
  const { bypassers, threads, access } = hand.side
  if (!bypassers) return done('closing holds every account')
  const found = await hand.ask(both(both(threads, access), bypassers))
  if (!found.ok) return refusedRead(found.outcome)
  const [[now, state], accounts] = found.value
  const closed = !takesWrites(state.access)
  const spared = (thread: Thread): boolean => isOurs(thread) || (!accounts.everyone && !accounts.users.has(thread.user))
  const those = (all: readonly Thread[]): readonly Thread[] =>
    all.filter((thread) => thread.kind === 'client' && !thread.killed && !spared(thread))
  const names = namesOf(those(now))
  if (names === '') return closed ? watchClosed(hand, those, names) : done(NOBODY)
  const cut = await killOnce(hand, those)
  if (cut.kind !== 'done') return cut
  return closed ? watchClosed(hand, those, names) : watchFor(hand, those, names)
}

const NOBODY = 'no session is connected that read-only does not hold'

type Choose = (all: readonly Thread[]) => readonly Thread[]

/** Those of the first look only: whoever has come back since is watched, not hunted. */
async function killOnce(hand: Hand, those: Choose): Promise<Outcome> {
  const first = await hand.ask(hand.side.threads)
  if (!first.ok) return first.outcome
  const cut = new Set(those(first.value).map((thread) => thread.id))
  for (let look = first; ; ) {
    const left = those(look.value).filter((thread) => cut.has(thread.id))
    if (left.length === 0) return done(`${cut.size} sessions are cut`)
    const next = await kill(hand, left)
    if (!next.ok) return next.outcome
    look = next
    if (!(await hand.pause(LOOK_AGAIN_MS))) return someLeft(cut.size, left)
  }
}

async function watchFor(hand: Hand, those: Choose, names: string): Promise<Outcome> {
  const writing = await firstToWrite(hand, those)
  if (!writing.ok) return writing.outcome
  return writing.value === ''
    ? done(`the sessions of ${names}, which read-only does not hold, were cut`)
    : writesOn(writing.value)
}

/** Whoever is seen at a write; '' where nobody was. `noted` is told who is connected, look by look. */
async function firstToWrite(
  hand: Hand,
  those: Choose,
  noted: (threads: readonly Thread[]) => void = () => undefined,
): Promise<Seen<string>> {
  for (let waited = 0; waited < WATCH_MS; waited += WATCH_EVERY_MS) {
    if (!(await hand.pause(WATCH_EVERY_MS))) return ended(notWatched)
    const look = await hand.ask(hand.side.threads)
    if (!look.ok) return look
    const here = those(look.value)
    noted(here)
    const writing = here.filter(({ statement }) => statement !== '' && !ONLY_READS.test(statement))
    if (writing.length > 0) return seen(namesOf(writing))
  }
  return seen('')
}

/**
 * What a closed server writes by itself grows only by accounts that read-only does not hold: compared as well, so that a write which
 * falls between two looks is found. `names`: who was cut; '' for nobody.
 */
async function watchClosed(hand: Hand, those: Choose, names: string): Promise<Outcome> {
  const before = await hand.ask(hand.opened.status())
  if (!before.ok) return before.outcome
  const back: Thread[] = []
  const writing = await firstToWrite(hand, those, (threads) => void back.push(...threads))
  if (!writing.ok) return writing.outcome
  if (writing.value !== '')
    return writesBehind(hand, `${writing.value} came back by itself when it was cut, and writes on`)
  const after = await hand.ask(hand.opened.status())
  if (!after.ok) return after.outcome
  if (wroteSince(after.value, before.value))
    return writesBehind(
      hand,
      `something was written there meanwhile, by ${namesOf(back) || names || 'a session, or an event, that had ended before it was seen'}`,
    )
  return done(names === '' ? NOBODY : `the sessions of ${names}, which read-only does not hold, were cut`)
}

const wroteSince = (after: ServerStatus, before: ServerStatus): boolean =>
  ownWritesBeyond(after.history, before.history, { uuid: after.id, numericId: after.numericId }) !== ''

/** SET STATEMENT … FOR runs what follows, and so does ANALYZE. */
const ONLY_READS =
  /^\s*(\/\*.*?\*\/\s*)*\(?\s*(SELECT|SHOW|SET(?!\s+STATEMENT\b)|DESC|DESCRIBE|EXPLAIN|ANALYZE(?!.*\b(UPDATE|DELETE|INSERT|REPLACE)\b)|USE|KILL|WITH|CHECK|FLUSH)\b/is

/** Accounts with the hosts that they come from, without ports. */
const namesOf = (threads: readonly Thread[]): string =>
  [...new Set(threads.map(({ user, peer }) => `${user}@${peer.replace(/:\d+$/, '')}`))].sort().join(', ')

const writesOn = (names: string): Outcome =>
  failed(
    'privileged_clients',
    `${names} writes in spite of read-only, and came back by itself when it was cut: what it writes during the change could be lost`,
    'stop that client, or take READ_ONLY ADMIN and SUPER from its account, then repeat',
  )

/** Read-only reads back, and does not hold: nobody may take this server for closed. */
const writesBehind = (hand: Hand, who: string): Outcome =>
  failed(
    'privileged_clients',
    `${printAddress(hand.address)} is read-only, which does not hold every account: ${who}`,
    'stop that client; or lock its account there, or take READ_ONLY ADMIN and SUPER from it, after SET sql_log_bin=0; then repeat',
  )

/** The tables of privileges are closed to our account. */
const refusedRead = (outcome: Outcome): Outcome =>
  outcome.kind === 'failed' && outcome.code === 'server_refused'
    ? failed(
        'privileges_unknown',
        `it cannot be told which accounts write in spite of read-only: ${outcome.says}`,
        'GRANT SELECT ON mysql.global_priv and mysql.roles_mapping to the monitoring user: regent grants',
      )
    : outcome
