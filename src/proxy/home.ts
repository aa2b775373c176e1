import type { Control } from './control.ts'
import { createFile, readSecret } from './files.ts'
import type { Keep } from './keep.ts'

/** Three small looks into one folder; a lost one is noticed before a person who starts Regent again has lost patience. */
export const LOOK_HOME_MS = 1000

export interface HomeParts {
  readonly control: Control
  readonly keep: Keep
  readonly token: string
  /** Where Regent finds the token; undefined where it knows it from elsewhere. */
  readonly tokenFile: string | undefined
  /** A line for the log. */
  readonly say: (line: string) => void
  /** Between two looks, ms. */
  readonly everyMs: number
}

/**
 * What a proxy has in files: its door, its token, its memory. Its folder may be removed under it, while it holds the port and the
 * clients: it makes them again where the folder is there, so that a Regent with a new store finds it, learns which cluster it
 * serves, and takes it over. It never makes the folder, and never takes the place of a file that stands there.
 */
export class Home implements Disposable {
  readonly #parts: HomeParts
  #token: string
  #wasLost = false
  #toldOf: string | undefined
  #timer: NodeJS.Timeout | undefined
  #over = false

  constructor(parts: HomeParts) {
    this.#parts = parts
    this.#token = parts.token
  }

  keepUp(): void {
    if (this.#over) return
    this.#timer = setTimeout(() => void this.#look().then(() => this.keepUp()), this.#parts.everyMs)
    this.#timer.unref()
  }

  [Symbol.dispose](): void {
    this.#over = true
    clearTimeout(this.#timer)
  }

  /** Lost in two looks in turn: in the midst of a removal, a file that comes back would make it fail. */
  async #look(): Promise<void> {
    const { control, keep } = this.#parts
    const file = await this.#readToken()
    if (typeof file === 'object') this.#take(file.token)
    const lost = file === 'lost' || (await control.door.isLost()) || (await keep.isLost())
    if (lost && this.#wasLost && !this.#over) {
      // In this order: whoever finds the memory again finds the door open, and its token right.
      if (file === 'lost') await this.#restoreToken()
      await control.door.restore()
      if (!(await control.door.isLost())) await keep.restore()
    }
    this.#wasLost = lost
  }

  async #readToken(): Promise<{ readonly token: string } | 'lost' | 'unknown'> {
    const { tokenFile } = this.#parts
    if (tokenFile === undefined) return 'unknown'
    const file = await readSecret(tokenFile)
    this.#tell(tokenFile, file.kind === 'not_ours' ? file.why : undefined)
    if (file.kind !== 'ours') return file.kind === 'lost' ? 'lost' : 'unknown'
    return file.text === '' ? 'unknown' : { token: file.text }
  }

  /** Once: it is looked at every second. */
  #tell(tokenFile: string, why: string | undefined): void {
    if (why !== undefined && why !== this.#toldOf)
      this.#parts.say(`the token in ${tokenFile} is not taken, the one before it stays in force: ${why}`)
    this.#toldOf = why
  }

  async #restoreToken(): Promise<void> {
    const { tokenFile } = this.#parts
    if (tokenFile !== undefined) await createFile(tokenFile, `${this.#token}\n`).catch(() => false)
    const file = await this.#readToken()
    if (typeof file === 'object') this.#take(file.token)
  }

  /** A new store has a new token: a proxy that was started now would read the same file. */
  #take(token: string): void {
    if (token === this.#token) return
    this.#token = token
    this.#parts.control.token = token
  }
}
