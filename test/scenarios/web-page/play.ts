/**
 * A recorded incident behind the real API, scene by scene: for the test of the page, and for looking at the page while working on
 * it: `node test/scenarios/web-page/play.ts` prints an address and turns to the next scene with each Enter.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Client, ClusterJson, EventJson, ExplainJson, RecoveryJson } from '../../../src/faces/api/contract.ts'
import { type RunningApi, startApi } from '../../../src/faces/api/server.ts'

const WEB = join(import.meta.dirname, '..', '..', '..', 'src', 'faces', 'web')
export const SCENES = ['healthy', 'failing', 'recovered', 'rejoined', 'refused'] as const
export type Scene = (typeof SCENES)[number]

interface Story {
  /** Recoveries before the first scene. */
  readonly history: readonly RecoveryJson[]
  readonly scenes: Readonly<Record<Scene, readonly EventJson[]>>
}

export interface Playing {
  readonly api: RunningApi
  /** Tells what happened in that scene to every page that follows. */
  show(scene: Scene): void
  /** The cluster as it stands, with what `made` makes of it. */
  change(made: (cluster: ClusterJson) => ClusterJson): void
}

export async function playStory(signal: AbortSignal, port = 0): Promise<Playing> {
  const story: Story = JSON.parse(await readFile(join(WEB, 'testing', 'story.json'), 'utf8'))
  const player = new Player(story)
  const api = await startApi({
    listen: { host: '127.0.0.1', port },
    token: 'no-change-is-played',
    client: player.client,
    subscribe: player.subscribe,
    webDir: join(WEB, 'dist'),
    signal,
  })
  return { api, show: (scene) => player.show(story.scenes[scene]), change: (made) => player.change(made) }
}

class Player {
  readonly #listeners = new Set<(event: EventJson) => void>()
  readonly #recoveries = new Map<string, RecoveryJson>()
  #cluster: ClusterJson | undefined
  #verdict: ExplainJson['diagnosis'] | undefined
  readonly client: Client

  constructor(story: Story) {
    for (const recovery of story.history) this.#recoveries.set(recovery.id, recovery)
    // The story begins as it ends: with the verdict that all is well.
    this.#verdict = story.scenes.recovered.find((event) => event.kind === 'verdict')?.diagnosis
    this.client = this.#clientOf()
  }

  readonly subscribe = (listener: (event: EventJson) => void): Disposable => {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  show(events: readonly EventJson[]): void {
    for (const event of events) {
      if (event.kind === 'cluster') this.#cluster = event.cluster
      if (event.kind === 'verdict') this.#verdict = event.diagnosis
      if (event.kind === 'recovery') this.#recoveries.set(event.recovery.id, event.recovery)
      for (const listener of this.#listeners) listener(event)
    }
  }

  change(made: (cluster: ClusterJson) => ClusterJson): void {
    if (this.#cluster) this.show([{ kind: 'cluster', cluster: made(this.#cluster) }])
  }

  #clientOf(): Client {
    const changes = (): never => {
      throw new Error('a recorded story cannot be changed')
    }
    const cluster = async (): Promise<ClusterJson> => this.#cluster ?? changes()
    return {
      clusters: async () => (this.#cluster ? [this.#cluster] : []),
      cluster,
      explain: async () => ({
        alias: (await cluster()).alias,
        diagnosis: this.#verdict ?? changes(),
        whyNot: [],
      }),
      history: async () => [...this.#recoveries.values()].toSorted((a, b) => b.startedAt - a.startedAt),
      recovery: async (id) => this.#recoveries.get(id) ?? changes(),
      plan: async () => changes(),
      run: async () => changes(),
      question: async () => undefined,
      answer: async () => changes(),
      pause: async () => changes(),
      resume: async () => changes(),
      forget: async () => changes(),
      end: async () => undefined,
    }
  }
}

if (import.meta.main) {
  const playing = await playStory(new AbortController().signal, 3399)
  const next = SCENES[Symbol.iterator]()
  const turn = (): void => {
    const { value, done } = next.next()
    if (done) process.exit(0)
    playing.show(value)
    process.stdout.write(`${playing.api.url}  ${value}; Enter for the next scene\n`)
  }
  turn()
  createInterface({ input: process.stdin }).on('line', turn)
}
