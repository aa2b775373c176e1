import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { problem } from '../../model/problem.ts'
import { answerProblem } from './answers.ts'
import type { EventJson } from './contract.ts'

/** Enough for an incident's worth of events; a follower that missed more starts afresh from what is true now. */
const REMEMBERED = 500
/** Below the shortest idle timeout of common proxies (30 s). */
const HEARTBEAT_MS = 10_000
/** A follower that does not read would otherwise make this process grow without bound; it may come back and catch up. */
const MOST_UNREAD_BYTES = 4 * 1024 * 1024
const MOST_FOLLOWERS = 100
/** The source is kept for so long after the last follower left: one that reconnects finds what it missed. */
const LINGER_MS = 30_000

type Subscribe = (listener: (event: EventJson) => void) => Disposable

export interface StreamParts {
  readonly subscribe: Subscribe
  /** What a new follower is told first. */
  readonly now: () => Promise<readonly EventJson[]>
  readonly onFault: (says: string) => void
}

interface Told {
  readonly number: number
  readonly line: string
}

/** Server-sent events for any number of followers, from one source that is subscribed to only while somebody follows. */
export class EventStream {
  readonly #parts: StreamParts
  /** Numbers of another run of this program mean nothing here. */
  readonly #run = randomUUID().slice(0, 8)
  readonly #followers = new Set<ServerResponse>()
  readonly #told: Told[] = []
  #number = 0
  #writer: EventJson | undefined
  #source: Disposable | undefined
  #linger: NodeJS.Timeout | undefined
  readonly #heart: NodeJS.Timeout

  constructor(parts: StreamParts) {
    this.#parts = parts
    this.#heart = setInterval(() => this.#toAll(': still here\n\n'), HEARTBEAT_MS)
    this.#heart.unref()
  }

  /** Answers with a stream that lasts until either side ends it. */
  async follow(reply: FastifyReply, lastId: string | undefined): Promise<FastifyReply> {
    if (this.#followers.size >= MOST_FOLLOWERS)
      return answerProblem(
        reply,
        problem('refused', { why: `${MOST_FOLLOWERS} follow already`, fix: 'close some' }),
        503,
      )
    this.#attach()
    const missed = this.#since(lastId)
    const from = this.#number
    const state = await this.#parts.now().catch((error: unknown) => this.#noState(error))
    reply.hijack()
    const { raw } = reply
    if (raw.destroyed) {
      this.#left(raw)
      return reply
    }
    raw.once('close', () => this.#left(raw))
    raw.once('error', () => raw.destroy())
    raw.writeHead(200, STREAM_HEADERS)
    raw.write('retry: 1000\n\n')
    for (const event of this.#writer ? [...state, this.#writer] : state) raw.write(lineOf(event, this.#idOf(from)))
    // What was told while the state was read comes after it: nothing is lost between the two.
    for (const { line } of [...missed, ...this.#told.filter((t) => t.number > from)]) raw.write(line)
    this.#followers.add(raw)
    return reply
  }

  tell(event: EventJson): void {
    if (event.kind === 'writer') this.#writer = event
    // State is told afresh to whoever comes back; only what happened is remembered.
    const passes = event.kind === 'cluster' || event.kind === 'writer'
    if (!passes) this.#number++
    const line = lineOf(event, this.#idOf(this.#number))
    if (!passes) this.#told.push({ number: this.#number, line })
    if (this.#told.length > REMEMBERED) this.#told.shift()
    this.#toAll(line)
  }

  end(): void {
    clearInterval(this.#heart)
    clearTimeout(this.#linger)
    for (const follower of this.#followers) follower.end()
    this.#followers.clear()
    this.#detach()
  }

  #attach(): void {
    clearTimeout(this.#linger)
    this.#source ??= this.#parts.subscribe((event) => this.tell(event))
  }

  #left(follower: ServerResponse): void {
    this.#followers.delete(follower)
    if (this.#followers.size > 0) return
    clearTimeout(this.#linger)
    this.#linger = setTimeout(() => this.#detach(), LINGER_MS)
    this.#linger.unref()
  }

  #detach(): void {
    if (this.#followers.size > 0) return
    this.#source?.[Symbol.dispose]()
    this.#source = undefined
    this.#told.length = 0
  }

  #toAll(line: string): void {
    for (const follower of this.#followers) {
      if (follower.writableLength > MOST_UNREAD_BYTES) follower.destroy()
      else follower.write(line)
    }
  }

  #since(lastId: string | undefined): readonly Told[] {
    const [run, number] = (lastId ?? '').split('.')
    const after = run === this.#run ? Number(number) : Number.NaN
    return Number.isInteger(after) ? this.#told.filter((t) => t.number > after) : []
  }

  #noState(error: unknown): readonly EventJson[] {
    this.#parts.onFault(`the first events could not be made: ${error instanceof Error ? error.message : String(error)}`)
    return []
  }

  #idOf(number: number): string {
    return `${this.#run}.${number}`
  }
}

const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
} as const

const lineOf = (event: EventJson, id: string): string =>
  `id: ${id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`
