import { sameAddress } from '../../model/address.ts'
import type { Channel } from '../../model/server.ts'
import { type Fact, type Facts, LOST, NOT_ASKED, type PrimaryFacts } from './facts.ts'
import { describeLook } from './fold-primary.ts'
import { proofOf } from './proof.ts'
import { age, answersNow, nameOf, nameOfMember, type Snapshot } from './snapshot.ts'
import type { Follower, Subject } from './subject.ts'
import { type Unread, unreadAddresses } from './unread.ts'
import { type Testimony, type Trouble, type Witness, witnessesOf } from './witness.ts'

const isCounted = (follower: Follower): boolean => !follower.member.declared.downtimed

/**
 * Every address that never answered this process counts as a replica that is missing: after a site-wide outage whoever comes back first
 * is not taken for everybody. Nobody follows an unknown server.
 */
export function replicasFact(subject: Subject, followers: readonly Follower[], snapshot: Snapshot): Fact<'replicas'> {
  if (subject.kind === 'none') return { value: 'none', readings: [] }
  const known = followers.filter(isCounted).map((f) => f.member.sighting)
  const answering = known.filter((s) => answersNow(s, snapshot))
  const unread = missing(subject, snapshot)
  const looks = known.map((s) => `${nameOf(s)}: ${describeLook(s.latest)}, ${age(s.latest.at, snapshot)}`)
  const readings = [...looks, ...unread.map((u) => u.reading)]
  if (readings.length === 0) return { value: 'none', readings }
  if (answering.length === 0) return { value: 'none_answer', readings }
  return { value: answering.length === readings.length ? 'all_answer' : 'some_answer', readings }
}

/** Never read, not the subject itself, and not declared to be out of service. */
function missing(subject: Exclude<Subject, { kind: 'none' }>, snapshot: Snapshot): readonly Unread[] {
  const aside = [subject.sighting.address, ...snapshot.downtimedAddresses]
  return unreadAddresses(snapshot).filter((u) => !aside.some((address) => sameAddress(address, u.address)))
}

export function replicationFact(
  subject: Subject,
  followers: readonly Follower[],
  snapshot: Snapshot,
): Fact<'replication'> {
  const answering = followers.filter((f) => isCounted(f) && answersNow(f.member.sighting, snapshot))
  const stopped = answering.filter((f) => !replicates(f.edge.channel))
  const readings = stopped.map((f) => `${nameOfMember(f.member)}: ${describeChannel(f.edge.channel)}`)
  if (stopped.length === 0 || stopped.length < answering.length) return { value: 'flows', readings }
  const unread = subject.kind === 'none' ? [] : missing(subject, snapshot)
  const alone = followers.filter(isCounted).length === 1 && unread.length === 0
  return { value: alone ? 'single_stopped' : 'all_stopped', readings }
}

const replicates = (channel: Channel): boolean => channel.receiver === 'running' && channel.applier === 'running'

export function describeChannel(channel: Channel): string {
  const receiver = `receiver ${channel.receiver}${errorText(channel.receiverError)}`
  return `${receiver}, applier ${channel.applier}${errorText(channel.applierError)}`
}

const errorText = (error: Channel['receiverError']): string =>
  error === undefined ? '' : ` (${error.code} ${error.message})`

interface Inquiry {
  readonly subject: Subject
  readonly primary: PrimaryFacts['primary']
  readonly followers: readonly Follower[]
}

/** What is asked only when nothing comes back from the primary. */
export function inquiryFacts(inquiry: Inquiry, snapshot: Snapshot): Pick<Facts, 'hearing' | 'witnesses' | 'proof'> {
  const { subject, primary, followers } = inquiry
  if (subject.kind === 'none' || !LOST.some((lost) => lost === primary))
    return { hearing: NOT_ASKED, witnesses: NOT_ASKED, proof: NOT_ASKED }
  const { troubleSince, latest, answer } = subject.sighting
  const trouble: Trouble = { since: troubleSince ?? latest.sentAt, lastLife: answer?.sentAt }
  const witnesses = witnessesOf(followers, trouble, snapshot)
  return {
    hearing: hearingFact(witnesses, snapshot),
    witnesses: enoughFact(witnesses, snapshot),
    proof: proofOf({ subject, trouble, witnesses, snapshot }),
  }
}

function hearingFact(witnesses: readonly Witness[], snapshot: Snapshot): Fact<'hearing'> {
  const readings = witnesses.map((w) => describeWitness(w, snapshot))
  const says = (testimony: Testimony): boolean => witnesses.some((w) => w.testimony === testimony)
  if (says('hears')) return { value: 'some_hear', readings }
  if (says('cannot_tell')) return { value: 'cannot_tell', readings }
  return { value: says('silent') ? 'none_hear' : 'no_witness', readings }
}

function describeWitness({ follower, testimony, record }: Witness, snapshot: Snapshot): string {
  const still = `nothing new for ${Math.round(snapshot.topology.at - record.stillSince)} ms`
  return `${nameOfMember(follower.member)} ${SAYS[testimony]}: ${describeChannel(follower.edge.channel)}, ${still}`
}

const SAYS: { readonly [T in Testimony]: string } = {
  hears: 'hears it',
  silent: 'does not hear it',
  cannot_tell: 'cannot tell',
  no_witness: 'is no witness',
}

/** At least one, whatever policy says: without any witness nothing is seconded. */
function enoughFact(witnesses: readonly Witness[], { policy }: Snapshot): Fact<'witnesses'> {
  const count = witnesses.filter((w) => w.testimony === 'silent').length
  const needed = Math.max(1, policy.witnesses)
  return { value: count >= needed ? 'enough' : 'too_few', readings: [`${count} do not hear it, ${needed} needed`] }
}
