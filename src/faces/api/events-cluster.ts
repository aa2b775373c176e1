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
  /** Absent until they were read once: a route that nobody asked yet must not look like one that does not answer. */
  #readings: Readings | undefined
  #readAt = Number.NEGATIVE_INFINITY
  #reading = false
  #builtAt = Number.NEGATIVE_INFINITY
  #sentAt = Number.NEGATIVE_INFINITY
  #sentKey = ''
  #next: NodeJS.Timeout | undefined
  #keepFresh: NodeJS.Timeout | undefined
  #ended = false

  constructor(source: ClusterSource, emit: (cluster: ClusterJson) => void, trouble: (says: string) => void) {
    this.#source = source
    this.#emit = emit
    this.#trouble = trouble
  }

  /** It was looked at again. */
  moved(): void {
    this.#readRoutes()
    if (this.#next !== undefined || this.#ended || this.#readings === undefined) return
    const waitMs = this.#builtAt + EVERY_MS - performance.now()
    if (waitMs <= 0) this.#build()
    else this.#next = setTimeout(() => this.#build(), waitMs)
  }

  /** A route was told something: what it believes is read at once. */
  routeMoved(): void {
    this.#readAt = Number.NEGATIVE_INFINITY
    this.moved()
  }

  end(): void {
    this.#ended = true
    clearTimeout(this.#next)
    clearTimeout(this.#keepFresh)
  }

  #build(): void {
    this.#next = undefined
    const json = this.#source.json(this.#readings ?? new Map())
    if (json === undefined) return
    this.#builtAt = performance.now()
    const key = JSON.stringify(json, (name, value) => (MOVES_ALWAYS.has(name) ? undefined : value))
    const freshMs = this.#sentAt + EVERY_MS_UNCHANGED - this.#builtAt
    if (key === this.#sentKey && freshMs > 0) {
      this.#keepFresh ??= setTimeout(() => this.#build(), freshMs)
      return
    }
    clearTimeout(this.#keepFresh)
    this.#keepFresh = undefined
    this.#sentKey = key
    this.#sentAt = this.#builtAt
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
      })
      .catch((error: unknown) => {
        this.#readings ??= new Map()
        this.#trouble(`routes could not be read: ${String(error)}`)
      })
      .finally(() => {
        this.#reading = false
        if (!this.#ended) this.moved()
      })
  }
}
