import { connect, type Socket } from 'node:net'
import type { ClusterId } from '../../model/ids.ts'
import {
  LONGEST_CONTROL_LINE,
  PROXY_CONTROL_VERSION,
  type ProxyRequest,
  printLine,
  readLine,
} from '../../model/proxy-control.ts'
import { type Place, strangerAt } from './owner.ts'

export interface ProxyAccess extends Place {
  readonly cluster: ClusterId
  readonly token: string
}

/**
 * `absent`: nobody listens there. `silent`: no answer before the signal fired, or the connection broke: a request may have taken
 * effect. `refused`: it answered, and did not do it.
 */
export type ProxyAnswer =
  | { readonly kind: 'ok'; readonly value: unknown }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'absent'; readonly why: string }
  | { readonly kind: 'silent'; readonly why: string }

type Settle = (answer: ProxyAnswer) => void

/** One standing connection to a proxy's control socket, made again when it is needed and gone. Idle, it keeps no process alive. */
export class ProxyLink {
  readonly #access: ProxyAccess
  #socket: Socket | undefined
  #numbers = 0
  #welcomed = false
  readonly #asked = new Map<number, Settle>()

  constructor(access: ProxyAccess) {
    this.#access = access
  }

  /** Requests of one link are answered in the order in which they were asked. */
  ask(request: ProxyRequest, signal: AbortSignal): Promise<ProxyAnswer> {
    if (signal.aborted) return Promise.resolve({ kind: 'silent', why: printReason(signal) })
    // Before the connection: the first that is said on it is the token.
    const stranger = this.#socket ? undefined : strangerAt(this.#access)
    if (stranger !== undefined) return Promise.resolve({ kind: 'silent', why: stranger })
    const socket = this.#socket ?? this.#connect()
    const n = ++this.#numbers
    return new Promise((resolve) => {
      const settle: Settle = (answer) => {
        signal.removeEventListener('abort', late)
        if (this.#asked.delete(n)) resolve(answer)
        if (this.#asked.size === 0) socket.unref()
      }
      const late = (): void => {
        settle({ kind: 'silent', why: printReason(signal) })
        // A proxy that did not answer may be frozen: what is asked later goes over a fresh connection, not into this one's queue.
        if (this.#socket === socket) this.#drop({ kind: 'silent', why: 'the proxy did not answer in time' })
      }
      this.#asked.set(n, settle)
      socket.ref()
      signal.addEventListener('abort', late, { once: true })
      socket.write(printLine({ n, ...request }))
    })
  }

  [Symbol.dispose](): void {
    this.#drop({ kind: 'silent', why: 'the connection was closed from here' })
  }

  #connect(): Socket {
    const { control, cluster, token } = this.#access
    const socket = connect(control)
    this.#socket = socket
    this.#welcomed = false
    socket.setEncoding('utf8')
    const over = (answer: ProxyAnswer): void => {
      if (this.#socket === socket) this.#drop(answer)
    }
    socket.on('error', (error: NodeJS.ErrnoException) => over(broken(control, error)))
    socket.on('close', () => over({ kind: 'silent', why: 'the proxy closed the connection' }))
    let rest = ''
    socket.on('data', (chunk: string) => {
      const lines = `${rest}${chunk}`.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (this.#socket === socket) this.#take(line)
      if (rest.length > LONGEST_CONTROL_LINE) over({ kind: 'silent', why: 'the proxy sends a line without end' })
    })
    socket.write(printLine({ version: PROXY_CONTROL_VERSION, cluster, token }))
    return socket
  }

  #take(line: string): void {
    const value = readLine(line)
    const refusal = value?.['refused']
    if (!value) this.#drop({ kind: 'silent', why: 'the proxy answered something that is no answer' })
    else if (this.#welcomed)
      this.#settle(value['n'], typeof refusal === 'string' ? refused(refusal) : { kind: 'ok', value: value['ok'] })
    else if (typeof refusal === 'string') this.#drop(refused(signed(refusal, value['pid'])))
    else this.#welcomed = true
  }

  #settle(n: unknown, answer: ProxyAnswer): void {
    if (typeof n === 'number') this.#asked.get(n)?.(answer)
  }

  #drop(answer: ProxyAnswer): void {
    const socket = this.#socket
    this.#socket = undefined
    socket?.destroy()
    for (const settle of [...this.#asked.values()]) settle(answer)
  }
}

/** Whoever lets nobody in can still be ended by its id. */
const signed = (why: string, pid: unknown): string => (typeof pid === 'number' ? `${why} (pid ${pid})` : why)

const refused = (why: string): ProxyAnswer => ({ kind: 'refused', why })

function broken(path: string, error: NodeJS.ErrnoException): ProxyAnswer {
  const absent = error.code === 'ENOENT' || error.code === 'ECONNREFUSED'
  if (absent) return { kind: 'absent', why: `no proxy answers at ${path} (${error.code})` }
  return { kind: 'silent', why: `the connection to the proxy at ${path} broke: ${error.message}` }
}

const printReason = (signal: AbortSignal): string =>
  signal.reason instanceof Error ? `no answer: ${signal.reason.message}` : 'no answer before the deadline'
