import { type Address, printAddress, sameAddress } from '../../model/address.ts'
import type { Sighting } from '../../model/sighting.ts'
import { age, nameOfMember, type Snapshot } from './snapshot.ts'
import type { Subject } from './subject.ts'
import { type Trouble, voiceSince, type Witness } from './witness.ts'

export interface Proof {
  readonly value: 'everyone_refused' | 'refused_unheard' | 'time_passed' | 'not_yet'
  readonly readings: readonly string[]
}

type Found = Exclude<Subject, { readonly kind: 'none' }>

interface Question {
  readonly subject: Found
  readonly trouble: Trouble
  readonly witnesses: readonly Witness[]
  readonly snapshot: Snapshot
}

/** Why a primary that nobody hears need not be waited for any longer. */
export function proofOf(question: Question): Proof {
  if (question.witnesses.some((w) => w.testimony === 'hears'))
    return { value: 'not_yet', readings: ['a replica hears it: nothing is proven against that'] }
  const isOpening = question.snapshot.topology.reign?.state === 'opening'
  const missing = isOpening ? missingStop(question) : missingRefusals(question)
  if (missing.length === 0)
    return { value: isOpening ? 'refused_unheard' : 'everyone_refused', readings: refusals(question) }
  const stood = standstill(question)
  const { silenceWindowMs } = question.snapshot.policy
  const confirmed = `silence confirmed by looks for ${Math.max(0, Math.round(stood))} ms of ${silenceWindowMs} ms`
  return { value: stood >= silenceWindowMs ? 'time_passed' : 'not_yet', readings: [confirmed, ...missing] }
}

/**
 * How long looks themselves confirm the silence, in ms: from the latest of the first unanswered probe and every witness's standstill,
 * to the earliest of the ends of what was looked at. Time that passed without looks (a paused process) confirms nothing, and
 * one lost probe is not a silence.
 */
function standstill({ subject, trouble, witnesses, snapshot }: Question): number {
  const { latest } = subject.sighting
  const bearing = witnesses.filter((w) => w.testimony === 'silent' || w.testimony === 'cannot_tell')
  if (latest.sentAt <= trouble.since) return 0
  const from = Math.max(trouble.since, ...bearing.map((w) => w.record.stillSince))
  const until = Math.min(latest.at, snapshot.topology.at, ...bearing.map((w) => w.answer.sentAt))
  return until - from
}

/**
 * What is missing for a winner that may be given up before it was open. Whoever was led to it already may still receive: listeners are
 * closed first where a server is shut down.
 */
function missingStop(question: Question): readonly string[] {
  const receiving = question.witnesses.filter((w) => w.voice === 'running' || w.testimony === 'cannot_tell')
  const theirs = receiving.map((w) => `${nameOfMember(w.follower.member)} may still receive from it`)
  return [...missingKnocks(question), ...theirs]
}

function missingKnocks(question: Question): readonly string[] {
  const { sighting } = question.subject
  if (sighting.latest.kind !== 'refused') return ['no refusal: the last look at the primary was not refused']
  return addressesToKnock(sighting).flatMap((address) => missingKnock(address, question))
}

/** What is missing for the window of zero; empty: nothing is. */
function missingRefusals(question: Question): readonly string[] {
  const { subject, witnesses } = question
  const own = missingKnocks(question)
  if (subject.sighting.latest.kind !== 'refused') return own
  const running = witnesses.filter((w) => !w.follower.member.declared.downtimed)
  const theirs = running.flatMap((w) => missingReport(w) ?? [])
  const anyone = running.some((w) => w.before === 'running') ? [] : ['no refusal: no replica was receiving before']
  return [...own, ...theirs, ...anyone]
}

/** Every address by which the primary is known: its own, its second listener, the names that it gives itself. */
export function addressesToKnock(sighting: Sighting): readonly Address[] {
  const status = sighting.answer?.status
  const admin = status?.adminPort === undefined ? [] : [{ host: sighting.address.host, port: status.adminPort }]
  const all = [sighting.address, ...admin, ...(status?.aliases ?? [])]
  return all.filter((address, i) => all.findIndex((other) => sameAddress(other, address)) === i)
}

function missingKnock(address: Address, { subject, trouble, snapshot }: Question): readonly string[] {
  const name = printAddress(address)
  if (snapshot.untrustedAddresses.some((other) => sameAddress(other, address)))
    return [`a refusal at ${name} proves nothing: it may answer for others`]
  const after = snapshot.knocks.filter((k) => sameAddress(k.address, address) && k.at > trouble.since)
  const last = after.reduce<(typeof after)[number] | undefined>(
    (a, b) => (a === undefined || b.at >= a.at ? b : a),
    undefined,
  )
  if (last !== undefined)
    return last.outcome === 'refused' ? [] : [`a new connection to ${name} was ${last.outcome}, not refused`]
  const { latest, address: own } = subject.sighting
  const lookedItself = sameAddress(own, address) && latest.kind === 'refused' && latest.sentAt > trouble.since
  return lookedItself ? [] : [`no new connection to ${name} was refused since the suspicion`]
}

/**
 * A replica that was receiving must report a refusal that is new, and two looks after that report must show that nothing more
 * arrives. One whose past is unknown might be receiving: it is waited for.
 */
function missingReport({ before, voice, record, answer, follower, testimony }: Witness): string | undefined {
  const name = nameOfMember(follower.member)
  if (testimony === 'cannot_tell') return `${name} cannot tell yet whether it heard something since`
  if (before === undefined) return voice === 'stopped' ? undefined : `${name} was not read before the suspicion`
  if (before !== 'running') return undefined
  if (voice !== 'refused') return `${name} was receiving and reports no refusal (${voice})`
  const reported = voiceSince(record)
  if (answer.sentAt <= reported) return `${name} was looked at only once since its report`
  return record.stillSince > reported ? `${name} received something after its report` : undefined
}

function refusals({ subject, witnesses, snapshot }: Question): readonly string[] {
  const addresses = addressesToKnock(subject.sighting).map((a) => `${printAddress(a)} refuses new connections`)
  const reports = witnesses
    .filter((w) => w.voice === 'refused' && w.before === 'running')
    .map((w) => `${nameOfMember(w.follower.member)} reports a refusal since ${age(voiceSince(w.record), snapshot)}`)
  return [...addresses, ...reports]
}
