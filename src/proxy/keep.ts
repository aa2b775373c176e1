import { access, readFile } from 'node:fs/promises'
import { isRecord, type RouteMessage, readRouteMessage, sameRoute } from '../model/route.ts'
import { createFile, isCode, replaceFile } from './files.ts'

export type Remembered =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'message'; readonly message: RouteMessage }
  | { readonly kind: 'unreadable'; readonly why: string }

/**
 * Remembers the highest route message, so that a restarted proxy refuses older ones. For ordering only: it is never served from,
 * because the proxy cannot know what happened while it was away.
 */
export class Keep {
  readonly #path: string
  #kept: RouteMessage | undefined
  /** Writes follow one another: of two at once, the older could be renamed last. */
  #writing: Promise<unknown> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  async read(): Promise<Remembered> {
    try {
      const value: unknown = JSON.parse(await readFile(this.#path, 'utf8'))
      const message = isRecord(value) ? readRouteMessage(value['message']) : undefined
      if (!message) return { kind: 'unreadable', why: 'it holds no route message' }
      this.#kept = message
      return { kind: 'message', message }
    } catch (error) {
      if (isCode(error, 'ENOENT')) return { kind: 'nothing' }
      return { kind: 'unreadable', why: String(error) }
    }
  }

  /** Undefined once it is on disk, or why it is not. */
  write(message: RouteMessage): Promise<string | undefined> {
    const written = this.#writing.then(() => this.#write(message))
    this.#writing = written
    return written
  }

  /** What was remembered is there no more. */
  async isLost(): Promise<boolean> {
    if (!this.#kept) return false
    return access(this.#path).then(
      () => false,
      (error: unknown) => isCode(error, 'ENOENT'),
    )
  }

  /** Writes again what was remembered. A file that stands there is somebody's, and stays. */
  restore(): Promise<void> {
    const written = this.#writing.then(async () => {
      if (this.#kept) await createFile(this.#path, print(this.#kept)).catch(() => false)
    })
    this.#writing = written
    return written
  }

  async #write(message: RouteMessage): Promise<string | undefined> {
    if (this.#kept && sameRoute(this.#kept, message)) return undefined
    try {
      await replaceFile(this.#path, print(message))
      this.#kept = message
      return undefined
    } catch (error) {
      return String(error)
    }
  }
}

const print = (message: RouteMessage): string => `${JSON.stringify({ version: 1, message })}\n`
