/** The daemon's server-sent events, for as long as the signal allows: a broken stream is taken up again where it broke. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventJson } from '../../api/contract.ts'

const AGAIN_MS = 100

export async function follow(url: string, tell: (event: EventJson) => void, signal: AbortSignal): Promise<void> {
  const reader = new EventReader(tell)
  while (!signal.aborted) {
    await readOnce(url, reader, signal).catch(() => undefined)
    await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined)
  }
}

async function readOnce(url: string, reader: EventReader, signal: AbortSignal): Promise<void> {
  const headers = reader.lastId === undefined ? {} : { 'last-event-id': reader.lastId }
  const answer = await fetch(`${url}/api/v1/events`, { headers, signal })
  if (!answer.ok || answer.body === null) return
  for await (const text of answer.body.pipeThrough(new TextDecoderStream())) reader.take(text)
}

/** Puts events together from pieces of any size. Source: the HTML standard, "server-sent events"; no event here has two data lines. */
export class EventReader {
  lastId: string | undefined
  readonly #tell: (event: EventJson) => void
  #rest = ''

  constructor(tell: (event: EventJson) => void) {
    this.#tell = tell
  }

  take(text: string): void {
    const lines = `${this.#rest}${text}`.split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line.startsWith('id: ')) this.lastId = line.slice(4)
      if (line.startsWith('data: ')) this.#tell(JSON.parse(line.slice(6)))
    }
  }
}
