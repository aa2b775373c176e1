import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isRecord, type RouteMessage, readRouteMessage, sameRoute } from '../model/route.ts'

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
      if (isRecord(error) && error['code'] === 'ENOENT') return { kind: 'nothing' }
      return { kind: 'unreadable', why: String(error) }
    }
  }

  /** Undefined once it is on disk, or why it is not. */
  write(message: RouteMessage): Promise<string | undefined> {
    const written = this.#writing.then(() => this.#write(message))
    this.#writing = written
    return written
  }

  async #write(message: RouteMessage): Promise<string | undefined> {
    if (this.#kept && sameRoute(this.#kept, message)) return undefined
    try {
      await replaceFile(this.#path, `${JSON.stringify({ version: 1, message })}\n`)
      this.#kept = message
      return undefined
    } catch (error) {
      return String(error)
    }
  }
}

/** The file holds the old text or the new one, never half of one, also after the power went. */
async function replaceFile(path: string, text: string): Promise<void> {
  const next = `${path}.next`
  {
    await using file = await open(next, 'w', 0o600)
    await file.writeFile(text)
    await file.datasync()
  }
  await rename(next, path)
  await using folder = await open(dirname(path), 'r')
  await folder.sync()
}
