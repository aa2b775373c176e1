/** The terminal: lines of the story in the order in which things happened, and below them one line that lives. */
import type { Painter } from '../table.ts'
import { width } from '../table.ts'

interface Stream {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

/** What is told over two ways (our own eyes, the daemon's events) arrives out of order by no more than this. */
const HOLD_MS = 200

interface Held {
  readonly at: number
  readonly line: string
  readonly arrived: number
}

export class Screen implements Disposable {
  readonly #stream: Stream
  readonly #paint: Painter
  readonly #held: Held[] = []
  readonly #timer: NodeJS.Timeout
  #status = ''
  #zero = 0

  constructor(stream: Stream, paint: Painter) {
    this.#stream = stream
    this.#paint = paint
    this.#timer = setInterval(() => this.#release(performance.now() - HOLD_MS), HOLD_MS / 4)
  }

  /** Times are told from here on relative to this wall time, in ms. */
  zero(at: number): void {
    this.flush()
    this.#zero = at
  }

  say(line = ''): void {
    this.flush()
    this.#line(line)
  }

  title(text: string): void {
    this.say()
    this.say(this.#paint('bold', text))
  }

  /** What happened at that wall time. */
  at(wall: number, text: string): void {
    const ms = Math.round(wall - this.#zero)
    const time = `${ms < 0 ? '' : '+'}${ms} ms`.padStart(10)
    this.#held.push({ at: wall, line: `${this.#paint('dim', time)}  ${text}`, arrived: performance.now() })
  }

  /** On a terminal only; the empty text takes the line away. */
  status(text: string): void {
    if (this.#stream.isTTY !== true) return
    if (text === '' && this.#status !== '') this.#stream.write('\r\u001b[2K')
    this.#status = text
    this.#draw()
  }

  flush(): void {
    this.#release(Number.POSITIVE_INFINITY)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.flush()
    this.status('')
  }

  #release(arrivedBefore: number): void {
    this.#held.sort((a, b) => a.at - b.at)
    const last = this.#held.findLastIndex((one) => one.arrived <= arrivedBefore)
    for (const { line } of this.#held.splice(0, last + 1)) this.#line(line)
  }

  #line(line: string): void {
    this.#stream.write(this.#status === '' ? `${line}\n` : `\r\u001b[2K${line}\n`)
    this.#draw()
  }

  #draw(): void {
    if (this.#status === '') return
    // A line that wraps could not be taken back.
    const room = (this.#stream.columns ?? 80) - 1
    const text = width(this.#status) > room ? this.#status.slice(0, room) : this.#status
    this.#stream.write(`\r\u001b[2K${this.#paint('dim', text)}`)
  }
}
