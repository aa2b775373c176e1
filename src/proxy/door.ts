import { chmod, link, lstat, unlink } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { type Problem, problem } from '../model/problem.ts'
import { besides, isCode } from './files.ts'

/** How long whoever holds the socket file may take to accept; a unix socket answers at once, or nobody is there. */
const PROBE_MS = 1000
/** Linux: sockaddr_un holds 107 bytes and a zero. */
const LONGEST_PATH = 107

/**
 * The socket file at which a proxy takes orders, readable and writable by its owner alone. It is made under another name and linked
 * to its own: linking fails where anything stands already, so that of two proxies one has the path, and closing one of them (which
 * removes the name that was bound) never removes the other's.
 */
export class Door implements AsyncDisposable {
  readonly #path: string
  readonly #enter: (socket: Socket) => void
  /** A folder that was moved aside may come back: whoever enters by an older file is let in as well. */
  readonly #servers = new Set<Server>()
  readonly #ours = new Set<string>()
  #closed = false

  constructor(path: string, enter: (socket: Socket) => void) {
    this.#path = path
    this.#enter = enter
  }

  async open(): Promise<Problem | undefined> {
    const path = this.#path
    const unusable = (why: string, fix: string): Problem => problem('control_unusable', { path, why, fix })
    if (Math.max(Buffer.byteLength(path), Buffer.byteLength(besides(path))) > LONGEST_PATH) {
      const fix = `choose a folder with a path of less than ${LONGEST_PATH - 20} bytes`
      return unusable(`its path is too long (${Buffer.byteLength(path)} bytes)`, fix)
    }
    const there = await whoAnswers(path)
    if (there === 'somebody') return problem('control_taken', { path })
    try {
      // A socket file at which nobody answers is left from a process that was killed.
      if (there === 'nobody') await unlink(path)
      await this.#make()
      return undefined
    } catch (error) {
      return isCode(error, 'EEXIST')
        ? problem('control_taken', { path })
        : unusable(String(error), 'the folder must exist and be writable')
    }
  }

  /** Its folder may be there or not: nobody finds this proxy. */
  async isLost(): Promise<boolean> {
    return lstat(this.#path).then(
      () => false,
      (error: unknown) => isCode(error, 'ENOENT'),
    )
  }

  /** Where nothing stands and the folder is there. */
  async restore(): Promise<void> {
    if (this.#closed || !(await this.isLost())) return
    await this.#make().catch(() => undefined) // no folder yet, or somebody was faster: looked at again
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    const there = await lstat(this.#path).catch(() => undefined)
    if (there && this.#ours.has(fileOf(there))) await unlink(this.#path).catch(() => undefined)
    await Promise.all([...this.#servers].map((server) => new Promise((resolve) => server.close(resolve))))
  }

  async #make(): Promise<void> {
    const server = createServer(this.#enter)
    const first = besides(this.#path)
    await listenAt(server, first)
    try {
      await chmod(first, 0o600)
      const made = fileOf(await lstat(first))
      if (this.#closed) throw new Error('it is being closed')
      this.#ours.add(made)
      this.#servers.add(server)
      await link(first, this.#path)
    } catch (error) {
      this.#servers.delete(server)
      server.close()
      throw error
    } finally {
      await unlink(first).catch(() => undefined) // a folder that is being removed takes it along
    }
  }
}

/** A bound file keeps its number for as long as its socket is open, whatever became of its names. */
const fileOf = ({ dev, ino }: { readonly dev: number; readonly ino: number }): string => `${dev}:${ino}`

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
