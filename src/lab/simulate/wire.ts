import type { Address } from '../../model/address.ts'
import { printAddress } from '../../model/address.ts'
import type { Knock } from '../../model/look.ts'
import { failed, type Outcome } from '../../model/outcome.ts'
import { problem } from '../../model/problem.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ChangeContext, ServerAt } from '../../ports/servers.ts'
import { NET_MS } from './latency.ts'
import type { ModelServer, Packet } from './server.ts'
import type { Universe } from './universe.ts'

/** Between the end of the right to change, as the holder counts it, and the deadline that a packet carries. */
const GUARD_MARGIN_MS = 200

export type Answered<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly outcome: Outcome }

export interface WireParts {
  readonly universe: Universe
  readonly clock: Clock
}

type NoAnswer = Extract<Answered<never>, { readonly ok: false }>

const overdue = (address: Address): NoAnswer => ({
  ok: false,
  outcome: failed('no_answer', `${printAddress(address)} did not answer: the time was over`),
})

const refused = (address: Address): NoAnswer => ({
  ok: false,
  outcome: failed('unreachable', `${printAddress(address)}: connection refused`),
})

/** As on a real connection for changes: who answers is proven before anything is sent. */
export function anotherServer(at: ServerAt, found: ModelServer): Outcome | undefined {
  if (found.id === at.id) return undefined
  const other = problem('another_server', { server: printAddress(at), found: found.id, meant: at.id })
  return failed(other.code, other.says, other.tryThis)
}

/** The network between one process of Regent and the servers. */
export class Wire {
  readonly universe: Universe
  readonly clock: Clock

  constructor({ universe, clock }: WireParts) {
    this.universe = universe
    this.clock = clock
  }

  /** A question; the answer is what holds as it arrives there. Where nothing comes back, the signal ends the waiting. */
  ask<T>(address: Address, signal: AbortSignal, read: (server: ModelServer) => T): Promise<Answered<T>> {
    return new Promise((resolve) => {
      const over = (): void => resolve(overdue(address))
      if (signal.aborted) return over()
      signal.addEventListener('abort', over, { once: true })
      const settle = (answer: Answered<T>): void => {
        signal.removeEventListener('abort', over)
        resolve(answer)
      }
      this.universe.timeline.after(NET_MS, () => {
        const server = this.universe.at(address)
        if (server === undefined || server.life === 'down') return settle(refused(address))
        if (server.life === 'frozen' || !this.universe.linked('regent', server.name)) return
        const value = read(server)
        this.universe.timeline.after(NET_MS, () => settle({ ok: true, value }))
      })
    })
  }

  /** A question to that server and to no other one that may have its address by now. */
  async askOf<T>(at: ServerAt, signal: AbortSignal, read: (server: ModelServer) => T): Promise<Answered<T>> {
    const answer = await this.ask(at, signal, (server): Answered<T> => {
      const another = anotherServer(at, server)
      return another ? { ok: false, outcome: another } : { ok: true, value: read(server) }
    })
    return answer.ok ? answer.value : answer
  }

  /** The kernel of a frozen host takes connections as before. */
  knock(address: Address, signal: AbortSignal): Promise<Knock['outcome']> {
    const { universe } = this
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve('silent'), { once: true })
      universe.timeline.after(2 * NET_MS, () => {
        const server = universe.at(address)
        if (server === undefined || server.life === 'down') resolve('refused')
        else if (universe.linked('regent', server.name)) resolve('accepted')
      })
    })
  }

  /** One guarded packet, and what came of it; see `Sending`. */
  change(address: ServerAt, context: ChangeContext, sending: Sending): Promise<Outcome> {
    const left = context.warrant.leftMs() - GUARD_MARGIN_MS
    if (left <= 0) return Promise.resolve(LATE)
    const packet: Packet & { outcome?: Outcome } = {
      token: context.warrant.token,
      guardUntil: this.universe.timeline.now + left,
      state: 'waiting',
      run: () => undefined,
    }
    return new Promise((resolve) => {
      const settle = (outcome: Outcome): void => {
        context.signal.removeEventListener('abort', over)
        resolve(outcome)
      }
      const over = (): void => settle(this.#overdue(address, packet))
      if (context.signal.aborted) return over()
      context.signal.addEventListener('abort', over, { once: true })
      packet.run = (server) => {
        void this.#execute(server, packet, { ...sending, address }).then((outcome) => {
          if (outcome === undefined) return
          packet.outcome = outcome
          this.universe.timeline.after(NET_MS, () => settle(outcome))
        })
      }
      this.universe.timeline.after(NET_MS + sending.delayMs, () => {
        if (!this.#arrive(address, packet)) settle(refused(address).outcome)
      })
    })
  }

  /** False where the host refuses. On a frozen host it waits in the socket; on a cut network it is lost. */
  #arrive(address: Address, packet: Packet): boolean {
    const server = this.universe.at(address)
    if (server === undefined || server.life === 'down') return false
    if (!this.universe.linked('regent', server.name)) return true
    if (server.life === 'frozen') server.packets.push(packet)
    else packet.run(server)
    return true
  }

  async #execute(
    server: ModelServer,
    packet: Packet,
    { address, what, work }: Sending & { readonly address: ServerAt },
  ): Promise<Outcome | undefined> {
    if (packet.state !== 'waiting') return undefined
    const another = anotherServer(address, server)
    if (another) {
      packet.state = 'ended'
      return another
    }
    if (server.killedBelow > packet.token) {
      packet.state = 'ended'
      return undefined
    }
    packet.state = 'ran'
    server.holders.add(packet.token)
    if (this.universe.timeline.now >= packet.guardUntil) return LATE
    const apply = (change: () => void): void => this.universe.change(server, { token: packet.token, what }, change)
    return work(server, apply, () => packet.state !== 'ended' && server.killedBelow <= packet.token)
  }

  /** The sender kills what it sent and sees it gone, where it can reach the server; else nobody knows. */
  #overdue(address: ServerAt, packet: Packet & { outcome?: Outcome }): Outcome {
    const server = this.universe.at(address)
    const reachable = server?.life === 'up' && server.id === address.id && this.universe.linked('regent', server.name)
    if (packet.outcome) return reachable ? packet.outcome : UNKNOWN
    if (server?.life === 'down') return refused(address).outcome
    if (!reachable) return UNKNOWN
    packet.state = 'ended'
    return failed('no_answer', 'not answered in time; it was killed and seen gone')
  }
}

const UNKNOWN: Outcome = { kind: 'unknown', says: 'no answer in time, and the server could not be reached again' }
const LATE = failed('guard_expired', 'the right to change servers ended before this change ran')

export interface Sending {
  readonly what: string
  readonly delayMs: number
  /** Looks, then changes by `apply` or not at all: one virtual instant. What has to wait first asks whether it is still `going`. */
  readonly work: (
    server: ModelServer,
    apply: (change: () => void) => void,
    going: () => boolean,
  ) => Outcome | Promise<Outcome>
}
