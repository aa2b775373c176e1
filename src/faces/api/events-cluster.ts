import type { RouteReading } from '../../run/daemon/index.ts'
import type { ClusterJson } from './contract.ts'

export type Readings = ReadonlyMap<string, RouteReading>

/** What is told of one cluster, and how often. */
export interface ClusterSource {
  /** Undefined until it was looked at. */
  json(readings: Readings): ClusterJson | undefined
  readRoutes(): Promise<Readings>
}

/** Eyes follow no more; each costs a whole cluster in JSON for every page that is open. */
const EVERY_MS = 200
/** Nothing but ages, lags and positions moved: those are kept fresh, no more. */
const EVERY_MS_UNCHANGED = 1000
const READ_ROUTES_EVERY_MS = 1000
const MOVES_ALWAYS: ReadonlySet<string> = new Set(['at', 'lookAgeMs', 'lagMs', 'gtid'])

/** Tells one cluster at most a few times a second; what it last was is always told. */
export class ClusterTeller {
  readonly #source: ClusterSource
  readonly #emit: (cluster: ClusterJson) => void
  readonly #trouble: (says: string) => void
  #readings: Readings = new Map()
  #readAt = Number.NEGATIVE_INFINITY
  #reading = false
  #sentAt = Number.NEGATIVE_INFINITY
  #sentKey = ''
  #timer: NodeJS.Timeout | undefined
  #ended = false

  constructor(source: ClusterSource, emit: (cluster: ClusterJson) => void, trouble: (says: string) => void) {
    this.#source = source
    this.#emit = emit
    this.#trouble = trouble
  }

  /** It was looked at again. */
  moved(): void {
    this.#readRoutes()
    this.#soon(EVERY_MS)
  }

  /** A route was told something: what it believes is read at once. */
  routeMoved(): void {
    this.#readAt = Number.NEGATIVE_INFINITY
    this.moved()
  }

  end(): void {
    this.#ended = true
    clearTimeout(this.#timer)
  }

  #soon(everyMs: number): void {
    if (this.#timer !== undefined || this.#ended) return
    const waitMs = this.#sentAt + everyMs - performance.now()
    if (waitMs <= 0) this.#send()
    else this.#timer = setTimeout(() => this.#due(), waitMs)
  }

  #due(): void {
    this.#timer = undefined
    this.#send()
  }

  #send(): void {
    const json = this.#source.json(this.#readings)
    if (json === undefined) return
    const key = JSON.stringify(json, (name, value) => (MOVES_ALWAYS.has(name) ? undefined : value))
    const now = performance.now()
    if (key === this.#sentKey && now - this.#sentAt < EVERY_MS_UNCHANGED) {
      this.#soon(EVERY_MS_UNCHANGED)
      return
    }
    this.#sentKey = key
    this.#sentAt = now
    this.#emit(json)
  }

  #readRoutes(): void {
    if (this.#reading || performance.now() - this.#readAt < READ_ROUTES_EVERY_MS) return
    this.#reading = true
    this.#readAt = performance.now()
    this.#source
      .readRoutes()
      .then((readings) => {
        this.#readings = readings
        this.#soon(EVERY_MS)
      })
      .catch((error: unknown) => this.#trouble(`routes could not be read: ${String(error)}`))
      .finally(() => {
        this.#reading = false
      })
  }
}
