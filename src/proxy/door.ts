import { chmod, link, lstat, rename, unlink } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Problem, problem } from '../model/problem.ts'
import { claimTo, whoAnswers, worthOf } from './claim.ts'
import { isCode } from './files.ts'

/** Others who make the same door hold it for a few system calls each; one that is frozen meanwhile must not hold us up for ever. */
const PATIENCE_MS = 3000
const LOOK_AGAIN_MS = 5
/** Linux: sockaddr_un holds 107 bytes and a zero. */
const LONGEST_PATH = 107

/**
 * The socket file at which a proxy takes orders, readable and writable by its owner alone. It is made under another name and linked
 * to its own: linking fails where anything stands already, so that of two proxies one has the path, and closing one of them (which
 * removes the name that was bound) never removes the other's. What a killed process left is replaced only by whoever alone claims the
 * door: between finding it dead and replacing it nobody else can have made a fresh one, which would be lost.
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
    if (Math.max(Buffer.byteLength(path), Buffer.byteLength(claimTo(path))) > LONGEST_PATH) {
      const fix = `choose a folder with a path of less than ${LONGEST_PATH - 20} bytes`
      return unusable(`its path is too long (${Buffer.byteLength(path)} bytes)`, fix)
    }
    const taken = problem('control_taken', { path })
    try {
      const late = performance.now() + PATIENCE_MS
      do {
        if ((await whoAnswers(path)) === 'somebody') return taken
        if (await this.#make(late)) return undefined
        // Not all at the same moment again.
        await sleep(LOOK_AGAIN_MS * (1 + 3 * Math.random()))
      } while (performance.now() < late)
      return taken
    } catch (error) {
      if (isCode(error, 'EEXIST')) return taken
      return unusable(String(error), 'the folder must exist and be writable')
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
    await this.#make(0).catch(() => undefined) // no folder yet, or somebody was faster: looked at again
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    const there = await lstat(this.#path).catch(() => undefined)
    if (there && this.#ours.has(fileOf(there))) await unlink(this.#path).catch(() => undefined)
    await Promise.all([...this.#servers].map((server) => new Promise((resolve) => server.close(resolve))))
  }

  /** False where others claim the door as well, and ours is not the first of the claims or did not become the only one in time. */
  async #make(late: number): Promise<boolean> {
    const server = createServer(this.#enter)
    const claim = claimTo(this.#path)
    await listenAt(server, claim)
    let isMade = false
    try {
      await chmod(claim, 0o600)
      isMade = (await isOnly(claim, this.#path, late)) && (await this.#place(server, claim))
      return isMade
    } finally {
      if (!isMade) {
        this.#servers.delete(server)
        server.close()
      }
      await unlink(claim).catch(() => undefined) // a folder that is being removed takes it along
    }
  }

  async #place(server: Server, claim: string): Promise<boolean> {
    const made = fileOf(await lstat(claim))
    const there = await whoAnswers(this.#path)
    if (there === 'somebody') return false
    if (this.#closed) throw new Error('it is being closed')
    this.#ours.add(made)
    this.#servers.add(server)
    // Renaming fails where the claim is gone: a folder that was made anew meanwhile is another one, with claims of its own.
    await (there === 'nobody' ? rename : link)(claim, this.#path)
    return true
  }
}

async function isOnly(claim: string, door: string, late: number): Promise<boolean> {
  for (;;) {
    const worth = await worthOf(claim, door)
    if (worth !== 'first' || performance.now() >= late) return worth === 'only'
    await sleep(LOOK_AGAIN_MS)
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
