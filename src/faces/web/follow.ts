import type { EventJson } from '../api/contract.ts'
import { askHistory, headers } from './ask.ts'
import type { Store } from './store.ts'

const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 5000
/** Regent says something every 10 s, if only that it is still here; more silence than two of them is a dead connection. */
const SILENT_MS = 25_000

/** Follows the events for as long as the page is open. Not EventSource: that cannot carry a token. */
export async function follow(store: Store): Promise<never> {
  let lastId: string | undefined
  let retryMs = FIRST_RETRY_MS
  for (;;) {
    const cut = new AbortController()
    try {
      const asked = headers()
      if (lastId !== undefined) asked.set('last-event-id', lastId)
      const answer = await fetch('/api/v1/events', { headers: asked, signal: cut.signal, cache: 'no-store' })
      if (answer.status === 401) store.connection('needs_token')
      else if (answer.ok && answer.body) {
        retryMs = FIRST_RETRY_MS
        store.connection('live')
        await read(answer.body, { store, cut, onId: (id) => (lastId = id) })
        store.connection('lost')
      } else store.connection('lost')
    } catch {
      store.connection('lost')
    }
    cut.abort()
    await store.wakes(retryMs)
    retryMs = Math.min(LONGEST_RETRY_MS, retryMs * 1.6)
  }
}

interface Reading {
  readonly store: Store
  readonly cut: AbortController
  readonly onId: (id: string) => void
}

async function read(body: ReadableStream<Uint8Array>, { store, cut, onId }: Reading): Promise<void> {
  const asked = new Set<string>()
  let watch = setTimeout(() => cut.abort(), SILENT_MS)
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    clearTimeout(watch)
    if (done) return
    watch = setTimeout(() => cut.abort(), SILENT_MS)
    text += decoder.decode(value, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const id = /^id: (.*)$/m.exec(block)?.[1]
      if (id !== undefined) onId(id)
      const data = /^data: (.*)$/m.exec(block)?.[1]
      if (data !== undefined) takeOne(JSON.parse(data), store, asked)
    }
  }
}

/** The history of a cluster is asked for once per connection: what happens later is told. */
function takeOne(event: EventJson, store: Store, asked: Set<string>): void {
  store.take(event)
  if (event.kind !== 'cluster' || asked.has(event.cluster.alias)) return
  asked.add(event.cluster.alias)
  void askHistory(event.cluster.alias).then((found) => found && store.history(found))
}
