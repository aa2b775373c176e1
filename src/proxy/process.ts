/**
 * The proxy as a process of its own: it outlives the Regent that started it, so that a manager's crash costs clients nothing. It
 * takes orders at its control socket only, and leads clients nowhere until it has been told a route.
 */
import type { Address } from '../model/address.ts'
import { type ClusterId, elapsedMs, type Instant, instant } from '../model/ids.ts'
import { type Problem, problem } from '../model/problem.ts'
import type { PrimarySeen, ProxyRequest, ProxyStatus, RouteAnswer } from '../model/proxy-control.ts'
import { printOrdinal, type RouteMessage, type RouteVerdict } from '../model/route.ts'
import { Control } from './control.ts'
import { Gate } from './gate.ts'
import { portHeld } from './holder.ts'
import { Home, LOOK_HOME_MS } from './home.ts'
import { Keep } from './keep.ts'
import { Wire } from './wire.ts'

export interface ProxyOptions {
  readonly listen: Address
  /** Path of the control socket (unix domain). */
  readonly control: string
  readonly cluster: ClusterId
  /** The cluster's name for people. */
  readonly alias: string
  readonly token: string
  /** Where Regent reads the token, if it reads it from a file: written again where it was lost, followed where it changes. */
  readonly tokenFile?: string
  /** Longest time that a client waits for a primary; and that an open session is held. */
  readonly holdMs: number
  /** Remembers the highest route message, for ordering only. */
  readonly stateFile: string
  /** A line for the log, which is the standard error output where nothing else is said. */
  readonly say?: (line: string) => void
  /** Between two looks at its own folder, ms; a second where nothing else is said. */
  readonly lookHomeEveryMs?: number
  /** Ends the proxy. */
  readonly signal: AbortSignal
}

export interface RunningProxy {
  readonly address: Address
  /** Resolves when it has stopped: by its signal, or by `stop` at the control socket. */
  readonly ended: Promise<void>
}

export type ProxyStart =
  | { readonly kind: 'running'; readonly proxy: RunningProxy }
  | { readonly kind: 'refused'; readonly problem: Problem }

const toLog = (line: string): void => void process.stderr.write(`regent proxy: ${line}\n`)
const now = (): Instant => instant(performance.now())

/** Undefined when it has served and was stopped, or the problem for which it could not start. */
export async function runProxy(options: ProxyOptions): Promise<Problem | undefined> {
  const start = await startProxy(options)
  if (start.kind === 'refused') return start.problem
  await start.proxy.ended
  return undefined
}

export async function startProxy(options: ProxyOptions): Promise<ProxyStart> {
  const keep = new Keep(options.stateFile)
  const remembered = await keep.read()
  const unusable = remembered.kind === 'unreadable' ? remembered.why : foreign(remembered, options.cluster)
  if (unusable !== undefined) return { kind: 'refused', problem: cannotRemember(options.stateFile, unusable) }
  const last = remembered.kind === 'message' ? remembered.message : undefined
  const gate = new Gate({ cluster: options.cluster, alias: options.alias, boundMs: options.holdMs, remembered: last })
  const wire = new Wire({ listen: options.listen, gate, now })
  // The port comes before the socket file: of two proxies that start at once, the loser has touched nothing.
  const taken = await wire.listen()
  if (taken?.code === 'port_taken') return { kind: 'refused', problem: await portHeld(options) }
  if (taken) return { kind: 'refused', problem: taken }
  const proxy = new TheProxy(options, { gate, wire, keep })
  const refused = await proxy.open()
  if (!refused) return { kind: 'running', proxy: { address: wire.address, ended: proxy.ended } }
  await wire[Symbol.asyncDispose]()
  return { kind: 'refused', problem: refused }
}

interface Parts {
  readonly gate: Gate
  readonly wire: Wire
  readonly keep: Keep
}

class TheProxy {
  readonly ended: Promise<void>
  readonly #options: ProxyOptions
  readonly #parts: Parts
  readonly #control: Control
  readonly #home: Home
  readonly #startedAt = now()
  readonly #stop: () => void

  constructor(options: ProxyOptions, parts: Parts) {
    this.#options = options
    this.#parts = parts
    const { path, answer } = { path: options.control, answer: (request: ProxyRequest) => this.#answer(request) }
    this.#control = new Control({ path, answer, token: options.token, cluster: options.cluster })
    const { token, tokenFile } = options
    const { say = toLog, lookHomeEveryMs: everyMs = LOOK_HOME_MS } = options
    this.#home = new Home({ control: this.#control, keep: parts.keep, token, tokenFile, say, everyMs })
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#stop = resolve
    this.ended = promise.then(() => this.#close())
  }

  async open(): Promise<Problem | undefined> {
    const refused = await this.#control.listen()
    if (refused) return refused
    this.#home.keepUp()
    if (this.#options.signal.aborted) this.#stop()
    else this.#options.signal.addEventListener('abort', this.#stop, { once: true })
    return undefined
  }

  async #close(): Promise<void> {
    this.#options.signal.removeEventListener('abort', this.#stop)
    this.#home[Symbol.dispose]()
    await Promise.all([this.#control[Symbol.asyncDispose](), this.#parts.wire[Symbol.asyncDispose]()])
  }

  async #answer(request: ProxyRequest): Promise<unknown> {
    const { wire } = this.#parts
    switch (request.ask) {
      case 'status':
        return this.#status()
      case 'route':
        return this.#route(request.message)
      case 'sessions':
        return wire.sessions()
      case 'close_all':
        return wire.closeAll()
      case 'close_idle':
        return wire.closeIdle(request.peers)
      case 'watch':
        return wire.watch()
      case 'hold':
        return { held: wire.hold() }
      case 'stop':
        setImmediate(this.#stop) // after the answer has left
        return {}
    }
  }

  /** In force at once, so that a withdrawal is never late by a slow disk; confirmed only once it is remembered. */
  async #route(message: RouteMessage): Promise<RouteAnswer> {
    const { gate, wire, keep } = this.#parts
    const verdict = wire.route(message)
    const taken = verdict === 'accepted' || verdict === 'same'
    const lost = taken ? await keep.write(message) : undefined
    const has = gate.last && { has: gate.last }
    const says =
      lost === undefined
        ? explain(verdict, message, gate.last)
        : `taken, but not remembered in ${this.#options.stateFile}: ${lost}`
    return { verdict, kept: taken && lost === undefined, says, ...has }
  }

  #status(): ProxyStatus {
    const { gate, wire } = this.#parts
    return {
      pid: process.pid,
      cluster: this.#options.cluster,
      listen: wire.address,
      upMs: Math.round(elapsedMs(this.#startedAt, now())),
      waiting: gate.waiting,
      sessionsOpen: gate.sessions.size,
      primarySeen: seen(gate),
      ...(gate.inForce && { inForce: gate.inForce }),
      ...(gate.last && { last: gate.last }),
    }
  }
}

function seen(gate: Gate): PrimarySeen {
  const latest = gate.lastConnect
  if (latest.kind === 'never') return latest
  const { at, ...rest } = latest
  return { ...rest, agoMs: Math.round(elapsedMs(at, now())) }
}

function explain(verdict: RouteVerdict, message: RouteMessage, last: RouteMessage | undefined): string {
  const has = last ? printOrdinal(last) : 'none'
  switch (verdict) {
    case 'accepted':
      return `route ${printOrdinal(message)} is in force`
    case 'same':
      return `route ${printOrdinal(message)} was in force already`
    case 'refused_older':
      return `route ${printOrdinal(message)} is older than ${has}`
    case 'refused_conflict':
      return `another route ${has} was accepted before`
    case 'refused_other_cluster':
      return `route ${printOrdinal(message)} is for cluster ${message.cluster}`
  }
}

function foreign(
  remembered: { readonly kind: 'nothing' } | { readonly kind: 'message'; readonly message: RouteMessage },
  ours: ClusterId,
): string | undefined {
  if (remembered.kind === 'nothing' || remembered.message.cluster === ours) return undefined
  return `it belongs to cluster ${remembered.message.cluster}, not to ${ours}`
}

/** Without what it remembers, a late message of an earlier leader could be taken: a person decides. */
const cannotRemember = (path: string, why: string): Problem => problem('proxy_memory_unusable', { path, why })
