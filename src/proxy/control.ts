import { timingSafeEqual } from 'node:crypto'
import { chmod, unlink } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { type ClusterId, clusterId } from '../model/ids.ts'
import { type Problem, problem } from '../model/problem.ts'
import {
  PROXY_CONTROL_VERSION,
  type ProxyReply,
  type ProxyRequest,
  printLine,
  readLine,
  readProxyRequest,
} from '../model/proxy-control.ts'
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
/** How long whoever holds the socket file may take to accept; a unix socket answers at once, or nobody is there. */
const PROBE_MS = 1000
/** Linux: sockaddr_un holds 107 bytes and a zero. */
const LONGEST_PATH = 107

/** The door for Regent. That its client goes away changes nothing for the clients of the proxy. */
export class Control {
  readonly #options: ControlOptions
  readonly #server: Server
  readonly #open = new Set<Socket>()

  constructor(options: ControlOptions) {
    this.#options = options
    this.#server = createServer((socket) => this.#accept(socket))
  }

  async listen(): Promise<Problem | undefined> {
    const { path } = this.#options
    const unusable = (why: string, fix: string): Problem => problem('control_unusable', { path, why, fix })
    if (Buffer.byteLength(path) > LONGEST_PATH) {
      const fix = `choose a folder with a path of less than ${LONGEST_PATH - 20} bytes`
      return unusable(`its path is too long (${Buffer.byteLength(path)} bytes)`, fix)
    }
    const there = await whoAnswers(path)
    if (there === 'somebody') return problem('control_taken', { path })
    try {
      // A socket file at which nobody answers is left from a process that was killed.
      if (there === 'nobody') await unlink(path)
      await listenAt(this.#server, path)
      await chmod(path, 0o600)
      return undefined
    } catch (error) {
      return unusable(String(error), 'the folder must exist and be writable')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroySoon()
    await new Promise((resolve) => this.#server.close(resolve))
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
    else socket.end(printLine({ refused: why, version: PROXY_CONTROL_VERSION }))
    return why === undefined
  }

  #unwelcome(version: unknown, cluster: unknown, token: unknown): string | undefined {
    if (version !== PROXY_CONTROL_VERSION)
      return `this proxy speaks version ${PROXY_CONTROL_VERSION} of the control protocol`
    if (typeof token !== 'string' || !sameSecret(token, this.#options.token)) return 'wrong token'
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

function listenAt(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      server.on('error', () => undefined) // one accept that failed must not end the proxy
      resolve()
    })
  })
}

/** `absent`: no such file. `nobody`: a file, and no process behind it. A process that is frozen still counts as somebody. */
function whoAnswers(path: string): Promise<'absent' | 'nobody' | 'somebody'> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const end = (who: 'absent' | 'nobody' | 'somebody') => (): void => {
      socket.destroy()
      resolve(who)
    }
    socket.setTimeout(PROBE_MS, end('somebody'))
    socket.once('connect', end('somebody'))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const nobody = error.code === 'ECONNREFUSED' ? 'nobody' : 'somebody'
      end(error.code === 'ENOENT' ? 'absent' : nobody)()
    })
  })
}
