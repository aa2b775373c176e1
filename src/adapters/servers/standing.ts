/**
 * The observing connections of one server: one in the steady state, a second one while the first hangs, never a third.
 *
 * A connection whose look ran out of time is given up, not closed: on a frozen server every closed one would stay in its
 * queue, and behind a hanging statement each would leave one more thread on the server, until it takes no connections at
 * all. It keeps its place of the two until its late answer arrives (news that the server is back) or patience ends; it is
 * never asked again.
 */
import { type Address, printAddress } from '../../model/address.ts'
import type { Instant } from '../../model/ids.ts'
import type { Look } from '../../model/look.ts'
import { ProblemError } from '../../model/problem.ts'
import { SessionError } from '../../mysql/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Depth } from '../../ports/servers.ts'
import { type Login, type OpenLane, openLane } from './standing-lane.ts'
import { lookOfError, unusable } from './standing-outcome.ts'

/** "Never more than two connections per server at once, whatever hangs." */
const MOST_LANES = 2

/** Doubles each time it ends without an answer: what hangs for minutes must not be given a new connection every second. */
const FIRST_PATIENCE_MS = 2_000
const LONGEST_PATIENCE_MS = 16_000

interface Lane {
  state: 'connecting' | 'idle' | 'asked'
  /** The peer's kernel took the connection: ending it now leaves a dead one in the server's queue. */
  accepted: boolean
  open: OpenLane | undefined
  readonly abort: AbortController
}

export interface StandingOptions {
  readonly address: Address
  readonly login: Login
  readonly clock: Clock
  readonly onClosed: (look: Look) => void
}

type Ending = { readonly look: Look } | 'look_again'

export class Standing {
  readonly #address: Address
  readonly #login: Login
  readonly #clock: Clock
  readonly #onClosed: (look: Look) => void
  readonly #lanes = new Set<Lane>()
  #waiters: (() => void)[] = []
  #patienceMs = FIRST_PATIENCE_MS
  #adminPort: number | undefined
  #ended = false

  constructor(options: StandingOptions) {
    this.#address = options.address
    this.#login = options.login
    this.#clock = options.clock
    this.#onClosed = options.onClosed
  }

  /** Resolves at the deadline at the latest. */
  look(depth: Depth, deadlineMs: number): Promise<Look> {
    const sentAt = this.#clock.now()
    return new Promise((resolve) => {
      const attempt: Attempt = { depth, sentAt, deadlineMs, over: false, lane: undefined }
      const end = (look: Look): void => {
        clearTimeout(timer)
        attempt.over = true
        resolve(look)
      }
      const timer = setTimeout(() => {
        this.#giveUp(attempt)
        end({ kind: 'silent', sentAt, at: this.#clock.now(), code: 'DEADLINE' })
      }, deadlineMs)
      this.#try(attempt).then(end, (error) => end(this.#failed(error, sentAt)))
    })
  }

  end(): void {
    this.#ended = true
    for (const lane of this.#lanes) this.#drop(lane)
  }

  async #try(attempt: Attempt): Promise<Look> {
    while (!attempt.over && !this.#ended) {
      const idle = this.#find('idle')
      if (idle !== undefined) return this.#ask(idle, attempt)
      // One at a time is being opened: a second attempt beside it would learn nothing that the first does not.
      if (this.#find('connecting') === undefined && this.#lanes.size < MOST_LANES) {
        const ending = await this.#open(attempt)
        if (ending !== 'look_again') return ending.look
      } else await this.#change()
    }
    return {
      kind: 'silent',
      sentAt: attempt.sentAt,
      at: this.#clock.now(),
      code: this.#ended ? 'FORGOTTEN' : 'DEADLINE',
    }
  }

  async #open(attempt: Attempt): Promise<Ending> {
    const lane: Lane = { state: 'connecting', accepted: false, open: undefined, abort: new AbortController() }
    this.#lanes.add(lane)
    attempt.lane = lane
    try {
      lane.open = await openLane(this.#address, this.#login, {
        deadlineMs: attempt.deadlineMs + this.#patienceMs,
        signal: lane.abort.signal,
        onAccepted: () => {
          lane.accepted = true
        },
      })
    } catch (error) {
      this.#outOfPatience(attempt)
      this.#drop(lane)
      if (tooMany(error) && this.#adminPort !== undefined)
        return { look: await this.#askBehind(this.#adminPort, attempt) }
      return { look: this.#failed(error, attempt.sentAt) }
    }
    if (!this.#lanes.has(lane)) {
      lane.open.session.destroy()
      return 'look_again'
    }
    this.#stand(lane, lane.open)
    return 'look_again'
  }

  #stand(lane: Lane, open: OpenLane): void {
    lane.state = 'idle'
    open.session.onClose((error) => {
      const known = this.#lanes.has(lane)
      this.#drop(lane)
      const now = this.#clock.now()
      const code = error.failure.kind === 'closed' ? error.failure.code : error.failure.kind
      if (known && !this.#ended) this.#onClosed({ kind: 'closed', sentAt: now, at: now, code })
    })
    this.#changed()
  }

  async #ask(lane: Lane, attempt: Attempt): Promise<Look> {
    const { open } = lane
    if (open === undefined) return { kind: 'silent', sentAt: attempt.sentAt, at: this.#clock.now(), code: 'DEADLINE' }
    lane.state = 'asked'
    attempt.lane = lane
    const question = open.reader.ask(attempt.depth)
    const deadlineMs = attempt.deadlineMs + this.#patienceMs
    try {
      const sets = await open.session.query(question.sql, { deadlineMs })
      const at = this.#clock.now()
      const status = question.read(sets)
      // A late answer ends its connection; so does one for which there is no more use, when a faster one stands idle.
      if (attempt.over || this.#find('idle') !== undefined) this.#drop(lane)
      else lane.state = 'idle'
      this.#patienceMs = FIRST_PATIENCE_MS
      this.#adminPort = status.adminPort
      this.#changed()
      return { kind: 'answered', sentAt: attempt.sentAt, at, status }
    } catch (error) {
      this.#outOfPatience(attempt)
      // Also where only a privilege was missing: what is granted meanwhile holds for new connections.
      this.#drop(lane)
      return this.#failed(error, attempt.sentAt)
    }
  }

  /** All ordinary places are taken: once through the administrator's door, which is left free again at once. */
  async #askBehind(port: number, attempt: Attempt): Promise<Look> {
    const abort = new AbortController()
    const lane: Lane = { state: 'asked', accepted: true, open: undefined, abort }
    this.#lanes.add(lane)
    attempt.lane = lane
    const leftMs = Math.max(1, attempt.sentAt + attempt.deadlineMs - this.#clock.now())
    try {
      const open = await openLane({ host: this.#address.host, port }, this.#login, {
        deadlineMs: leftMs,
        signal: abort.signal,
      })
      lane.open = open
      const question = open.reader.ask('full')
      const sets = await open.session.query(question.sql, { deadlineMs: leftMs, signal: abort.signal })
      return { kind: 'answered', sentAt: attempt.sentAt, at: this.#clock.now(), status: question.read(sets) }
    } catch (error) {
      return this.#failed(error, attempt.sentAt)
    } finally {
      this.#drop(lane)
    }
  }

  #giveUp(attempt: Attempt): void {
    const { lane } = attempt
    attempt.over = true
    if (lane !== undefined && lane.state === 'connecting' && !lane.accepted) this.#drop(lane)
  }

  #outOfPatience(attempt: Attempt): void {
    if (attempt.over) this.#patienceMs = Math.min(2 * this.#patienceMs, LONGEST_PATIENCE_MS)
  }

  #failed(error: unknown, sentAt: Instant): Look {
    const at = this.#clock.now()
    if (error instanceof ProblemError) return unusable(error.problem, { sentAt, at })
    return lookOfError(error, { address: this.#address, user: this.#login.account.user, sentAt, at })
  }

  #find(state: Lane['state']): Lane | undefined {
    for (const lane of this.#lanes) if (lane.state === state) return lane
    return undefined
  }

  #drop(lane: Lane): void {
    if (!this.#lanes.delete(lane)) return
    lane.abort.abort(`${printAddress(this.#address)} is not waited for any longer`)
    lane.open?.session.destroy()
    this.#changed()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  #changed(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }
}

interface Attempt {
  readonly depth: Depth
  readonly sentAt: Instant
  readonly deadlineMs: number
  over: boolean
  lane: Lane | undefined
}

const tooMany = (error: unknown): boolean =>
  error instanceof SessionError && error.failure.kind === 'denied' && error.failure.denial === 'too_many_connections'
