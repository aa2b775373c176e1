import { printAddress } from '../../model/address.ts'
import { failed } from '../../model/outcome.ts'
import type { ChangeContext, ServerAt, Warrant } from '../../ports/servers.ts'
import { type Doors, type Opening, openChangeSession } from './change-open.ts'
import type { ChangeSession } from './change-session.ts'

/** A login costs 10 to 40 ms where MySQL hashes passwords: one session per server stays open while the lease is held. */
const KEEP_IDLE = 2
/** How long one attempt to bring a broken standing session back may take, and the pause before the next. */
const RECONNECT_WITHIN_MS = 2000
const RECONNECT_PAUSE_MS = 500

/** By identity too: what leads to the server that had this address before is never handed to a change of the one that has it now. */
const nameOf = (address: ServerAt): string => `${address.id} at ${printAddress(address)}`

const CROWDED = (address: ServerAt): string => `all locks for changes of ${printAddress(address)} are held by others`

/** The sessions for changes of one process, by server. A session belongs to one caller at a time. */
export class ChangeSessions {
  readonly #doors: Doors
  readonly #idle = new Map<string, ChangeSession[]>()
  readonly #all = new Map<ChangeSession, string>()
  readonly #kept = new Map<string, { readonly address: ServerAt; readonly warrant: Warrant }>()
  readonly #lingering = new Map<string, Set<number>>()
  #stop = new AbortController()

  constructor(doors: Doors) {
    this.#doors = doors
  }

  /** A session that holds a lock: one without could not be found by the next leader, so it may change nothing. */
  async take(address: ServerAt, signal: AbortSignal): Promise<Opening> {
    const opening = await this.takeAny(address, signal)
    if (opening.kind === 'failed' || opening.session.opened.lock > 0) return opening
    opening.session.close()
    return { kind: 'failed', outcome: failed('locks_taken', CROWDED(address), 'take over first') }
  }

  /** Also without a lock, where others hold all of them: only to find and kill those. */
  async takeAny(address: ServerAt, signal: AbortSignal): Promise<Opening> {
    const waiting = this.#idle.get(nameOf(address)) ?? []
    for (let session = waiting.pop(); session !== undefined; session = waiting.pop()) {
      if (!session.broken) return { kind: 'opened', session }
    }
    return this.#open(address, signal)
  }

  give(address: ServerAt, session: ChangeSession): void {
    const idle = this.#idle.get(nameOf(address)) ?? []
    this.#idle.set(nameOf(address), idle)
    if (session.broken) return
    if (idle.length < KEEP_IDLE && session.opened.lock > 0) idle.push(session)
    else session.close()
  }

  /** Keeps one session to this server open until `release`, and brings it back in the background when it breaks. */
  async keep(address: ServerAt, context: ChangeContext): Promise<Opening> {
    this.#kept.set(nameOf(address), { address, warrant: context.warrant })
    const opening = await this.take(address, context.signal)
    if (opening.kind === 'failed') return opening
    await this.#warm(opening.session, context)
    this.give(address, opening.session)
    return opening
  }

  /** The first status of a session also reads what moves slowly: not in the middle of a promotion. */
  async #warm(session: ChangeSession, context: ChangeContext): Promise<void> {
    await session.ask(session.opened.status(), context)
  }

  /** Ends every session, and with it every lock. */
  release(): void {
    this.#kept.clear()
    this.#stop.abort()
    this.#stop = new AbortController()
    for (const session of [...this.#all.keys()]) session.close()
    this.#all.clear()
    this.#idle.clear()
  }

  /** Connection ids of our own sessions: never to be killed as somebody else's. */
  ownThreads(address: ServerAt): readonly number[] {
    const name = nameOf(address)
    return [...this.#all]
      .filter(([session, where]) => where === name && !session.broken)
      .map(([session]) => session.thread)
  }

  /** A killed STOP that still goes on: until it is gone its channel gets no START, CHANGE or further STOP. */
  noteLingering(address: ServerAt, thread: number): void {
    const known = this.#lingering.get(nameOf(address)) ?? new Set<number>()
    this.#lingering.set(nameOf(address), known.add(thread))
  }

  lingering(address: ServerAt): readonly number[] {
    return [...(this.#lingering.get(nameOf(address)) ?? [])]
  }

  forgetLingering(address: ServerAt, thread: number): void {
    this.#lingering.get(nameOf(address))?.delete(thread)
  }

  async #open(address: ServerAt, signal: AbortSignal): Promise<Opening> {
    const stop = this.#stop.signal
    const opening = await openChangeSession(address, this.#doors, signal)
    if (opening.kind === 'failed') return opening
    const { session } = opening
    if (stop.aborted) {
      session.close()
      return { kind: 'failed', outcome: failed('released', 'the right to change servers was given up meanwhile') }
    }
    this.#all.set(session, nameOf(address))
    session.onClose(() => {
      this.#all.delete(session)
      this.#bringBack(address)
    })
    return opening
  }

  #bringBack(address: ServerAt): void {
    const kept = this.#kept.get(nameOf(address))
    if (kept === undefined || kept.warrant.leftMs() <= 0) return
    void this.#reopen(kept.address, kept.warrant)
  }

  async #reopen(address: ServerAt, warrant: Warrant): Promise<void> {
    const stop = this.#stop.signal
    const name = nameOf(address)
    while (!stop.aborted && warrant.leftMs() > 0 && this.#kept.has(name)) {
      if ((this.#idle.get(name) ?? []).some((session) => !session.broken)) return
      using deadline = this.#doors.clock.deadline(RECONNECT_WITHIN_MS, stop)
      const opening = await this.#open(address, deadline.signal)
      if (opening.kind !== 'failed') {
        await this.#warm(opening.session, { warrant, signal: deadline.signal })
        this.give(address, opening.session)
        return
      }
      if (isAnother(opening)) {
        // No login after login at a stranger: whoever sees the server that was meant again prepares it again.
        this.#kept.delete(name)
        return
      }
      const rested = await this.#doors.clock.sleep(RECONNECT_PAUSE_MS, stop).then(
        () => true,
        () => false,
      )
      if (!rested) return
    }
  }
}

const isAnother = ({ outcome }: Extract<Opening, { readonly kind: 'failed' }>): boolean =>
  outcome.kind === 'failed' && outcome.code === 'another_server'
