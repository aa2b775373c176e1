import { timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import { type ClusterId, clusterId } from '../model/ids.ts'
import type { Problem } from '../model/problem.ts'
import {
  PROXY_CONTROL_VERSION,
  type ProxyReply,
  type ProxyRequest,
  printLine,
  readLine,
  readProxyRequest,
} from '../model/proxy-control.ts'
import { Door } from './door.ts'
import { eachLine } from './lines.ts'

export interface ControlOptions {
  /** Path of the unix domain socket; readable and writable by its owner alone. */
  readonly path: string
  readonly token: string
  readonly cluster: ClusterId
  /** What a request is answered with. A rejection is told to whoever asked. */
  readonly answer: (request: ProxyRequest) => Promise<unknown>
}

/** How long a stranger may keep a connection without having said who it is. */
const HELLO_MS = 5000
/** How long an answer may take to leave when the proxy stops: whoever asked may be frozen, and not read it. */
const LAST_WORDS_MS = 1000

/** Takes orders. That its client goes away changes nothing for the clients of the proxy. */
export class Control {
  readonly #options: ControlOptions
  readonly #door: Door
  readonly #open = new Set<Socket>()
  #token: string

  constructor(options: ControlOptions) {
    this.#options = options
    this.#token = options.token
    this.#door = new Door(options.path, (socket) => this.#accept(socket))
  }

  get door(): Door {
    return this.#door
  }

  /** Who comes from now on has to know this one. Standing connections have shown that they knew the one before. */
  set token(token: string) {
    this.#token = token
  }

  listen(): Promise<Problem | undefined> {
    return this.#door.open()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroySoon()
    const late = setTimeout(() => {
      for (const socket of this.#open) socket.destroy()
    }, LAST_WORDS_MS)
    await this.#door[Symbol.asyncDispose]()
    clearTimeout(late)
  }

  #accept(socket: Socket): void {
    this.#open.add(socket)
    socket.on('close', () => this.#open.delete(socket))
    socket.on('error', () => socket.destroy())
    const stranger = setTimeout(() => socket.destroy(), HELLO_MS)
    socket.on('close', () => clearTimeout(stranger))
    let known = false
    // Requests of one connection are answered one after the other: a read-back sent behind a route message sees its effect.
    let turn: Promise<void> = Promise.resolve()
    eachLine(socket, (line) => {
      if (known) {
        turn = turn.then(() => this.#request(socket, line))
        return
      }
      known = this.#hello(socket, line)
      if (known) clearTimeout(stranger)
    })
  }

  #hello(socket: Socket, line: string): boolean {
    const { version, cluster, token } = readLine(line) ?? {}
    const why = this.#unwelcome(version, cluster, token)
    const own = { version: PROXY_CONTROL_VERSION, pid: process.pid }
    if (why === undefined) socket.write(printLine({ hello: own, cluster: this.#options.cluster }))
    else socket.end(printLine({ refused: why, ...own }))
    return why === undefined
  }

  #unwelcome(version: unknown, cluster: unknown, token: unknown): string | undefined {
    if (version !== PROXY_CONTROL_VERSION)
      return `this proxy speaks version ${PROXY_CONTROL_VERSION} of the control protocol`
    if (typeof token !== 'string' || !sameSecret(token, this.#token)) return 'wrong token'
    if (typeof cluster !== 'string' || clusterId(cluster) !== this.#options.cluster) {
      return `this proxy serves cluster ${this.#options.cluster}, not ${String(cluster)}`
    }
    return undefined
  }

  async #request(socket: Socket, line: string): Promise<void> {
    const value = readLine(line)
    const n = value?.['n']
    if (!value || typeof n !== 'number') {
      socket.end(printLine({ refused: 'not a request' }))
      return
    }
    const request = readProxyRequest(value)
    const reply: ProxyReply = request
      ? await this.#reply(n, request)
      : { n, refused: `this proxy does not know ${JSON.stringify(value['ask'])}` }
    if (!socket.destroyed) socket.write(printLine(reply))
  }

  async #reply(n: number, request: ProxyRequest): Promise<ProxyReply> {
    try {
      return { n, ok: await this.#options.answer(request) }
    } catch (error) {
      return { n, refused: String(error) }
    }
  }
}

function sameSecret(given: string, ours: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(ours)]
  return a.length === b.length && timingSafeEqual(a, b)
}
