import { diagnose } from '../../decide/diagnose/diagnose.ts'
import { addressesToKnock } from '../../decide/diagnose/proof.ts'
import type { Snapshot } from '../../decide/diagnose/snapshot.ts'
import { recognise } from '../../decide/discover/recognise.ts'
import { type Address, parseAddress, printAddress, sameAddress } from '../../model/address.ts'
import { type ClusterConfig, UNDECLARED } from '../../model/cluster.ts'
import type { Diagnosis, Remedy } from '../../model/diagnosis.ts'
import type { Knock } from '../../model/look.ts'
import type { Topology } from '../../model/topology.ts'
import type { Books } from './books.ts'
import type { Office } from './office.ts'

export interface Examination {
  readonly topology: Topology
  readonly diagnosis: Diagnosis
  /** Refused by its own kernel and by every witness. */
  readonly stopped: boolean
  /** From the first doubt to this conclusion. */
  readonly tookMs: number
}

/** `everyone`: all are looked at first, each for at most `lookMs`: a busy server that a person asks about is not to pass for a silent one. */
interface Looking {
  readonly everyone?: boolean
  readonly lookMs?: number
}

/** A suspicion is followed in one go for this long; then the normal round goes on with it. */
const FOLLOW_MS = 400
/** Between two rounds of looks while a suspicion is followed: a replica reports its refused reconnect within milliseconds. */
const ROUND_PAUSE_MS = 2
const ROUND_DEADLINE_MS = 300
const FIRST_LOOKS_PAUSE_MS = 5

/** What is to be done, or looked into, at once. The others are only words, and words about nobody help nobody. */
const AT_ONCE: { readonly [R in Remedy]: boolean } = {
  none: false,
  watch: false,
  tell: false,
  look_again: true,
  fail_over: true,
  fence_stale: true,
  reopen: true,
  adopt: true,
}

/**
 * Diagnoses what is known; where that leaves a doubt, looks at every server of the cluster at once and knocks at the primary's
 * addresses, again and again for a short while: the testimony of the replicas is milliseconds away, or it does not come at all.
 */
export async function examine(office: Office, books: Books, how: Looking = {}): Promise<Examination> {
  const { clock } = office
  await firstLooks(office, books)
  const from = clock.now()
  let knocks: readonly Knock[] = []
  if (how.everyone) knocks = await round(office, books, how.lookMs)
  for (let rounds = 0; ; rounds++) {
    const snapshot = snapshotOf(office, books, knocks)
    const diagnosis = diagnose(snapshot)
    const tookMs = clock.now() - from
    const doubt = diagnosis.primary.remedy === 'look_again' && tookMs < FOLLOW_MS
    if (!doubt)
      return { topology: office.observer.topology(books.reign()), diagnosis, stopped: isStopped(diagnosis), tookMs }
    // The pause stands before a further round: what a round has found is judged at once.
    if (rounds > 0) await clock.sleep(ROUND_PAUSE_MS)
    knocks = [...knocks, ...(await round(office, books))]
  }
}

/**
 * A process that has just begun has met nobody: until the first look at each configured address has ended it says nothing. Each ends
 * by its deadline; the bound here only keeps a look that never ends from silencing the cluster.
 */
async function firstLooks(office: Office, books: Books): Promise<void> {
  const { clock, config } = office
  const until = clock.now() + 2 * config.policy.lookDeadlineMs
  while (hasUnlookedSeed(office) && clock.now() < until) {
    if (AT_ONCE[diagnose(snapshotOf(office, books, [])).primary.remedy]) return
    await clock.sleep(FIRST_LOOKS_PAUSE_MS)
  }
}

function hasUnlookedSeed({ config, observer }: Office): boolean {
  const unlooked = observer.unlooked()
  return config.seeds.some((seed) => unlooked.some((address) => sameAddress(address, seed)))
}

export const snapshotOf = (office: Office, books: Books, knocks: readonly Knock[]): Snapshot => ({
  topology: recognisedIn(office, books),
  policy: office.config.policy,
  knocks,
  untrustedAddresses: office.config.untrustedAddresses,
  unlooked: office.observer.unlooked(),
  downtimedAddresses: downtimedIn(office.config),
  formerPrimaries: books.formerPrimaries(),
})

/** A winner that died before this process ever read it is known by the address that its predecessor recorded. */
function recognisedIn({ observer, config }: Office, books: Books): Topology {
  const declaredAt = (address: Address) => config.servers.get(printAddress(address)) ?? UNDECLARED
  return recognise(observer.topology(books.reign()), books.remembered(), declaredAt)
}

const downtimedIn = ({ servers }: ClusterConfig): readonly Address[] =>
  [...servers].flatMap(([name, { downtimed }]) => (downtimed ? (parseAddress(name) ?? []) : []))

const PROVES_STOP: readonly string[] = ['everyone_refused', 'refused_unheard']

const isStopped = (diagnosis: Diagnosis): boolean =>
  diagnosis.primary.evidence.some((e) => e.fact === 'proof' && PROVES_STOP.includes(e.value))

async function round(office: Office, books: Books, lookMs = ROUND_DEADLINE_MS): Promise<readonly Knock[]> {
  const { observer, servers } = office
  const primary = books.reign()?.primary
  // As the proof sees it: a server known under two names is one, with all its addresses.
  const sighting = recognisedIn(office, books).members.find((m) => m.id === primary)?.sighting
  const addresses = sighting ? addressesToKnock(sighting) : []
  const [knocks] = await Promise.all([servers.knock(addresses, ROUND_DEADLINE_MS), observer.lookAtAll('live', lookMs)])
  return knocks
}
