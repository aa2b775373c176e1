import type { ClusterConfig } from '../../model/cluster.ts'
import type { Servers } from '../../ports/servers.ts'
import { Daemon, type DaemonEvent, type Keeper } from '../../run/daemon/index.ts'
import { modelChanging } from './changing.ts'
import { virtualClock } from './clock.ts'
import type { Durable } from './durable.ts'
import { modelIds } from './ids.ts'
import { modelJournal } from './journal.ts'
import { modelLeases } from './leases.ts'
import { Life } from './life.ts'
import { modelAnnouncer } from './routes.ts'
import { modelStore } from './store.ts'
import type { Universe } from './universe.ts'
import { modelWatching } from './watching.ts'
import { Wire } from './wire.ts'

export interface ProcessParts {
  readonly name: string
  readonly universe: Universe
  readonly durable: Durable
  readonly config: ClusterConfig
  /** Default: every version is. */
  readonly isProven?: () => boolean
}

/** One process of Regent: the real daemon, with every port played by the model. */
export class RegentProcess {
  readonly life: Life
  readonly daemon: Daemon
  readonly events: DaemonEvent[] = []
  /** What broke out of the daemon itself: nothing ever should. */
  readonly broken: unknown[] = []
  state: 'starting' | 'started' | 'refused' = 'starting'
  readonly #stop = new AbortController()

  constructor({ name, universe, durable, config, isProven = () => true }: ProcessParts) {
    const life = new Life(name)
    const clock = virtualClock(universe.timeline, life)
    const wire = new Wire({ universe, clock })
    const servers: Servers = { ...modelWatching(wire, life), ...modelChanging(wire, life), end: async () => undefined }
    const announcers = new Map(universe.routes.map((r) => [r.name, modelAnnouncer(universe, r, life)]))
    this.life = life
    this.daemon = new Daemon({
      clusters: [{ config, servers, openRoutes: async () => ({ announcers, revive: async () => [] }) }],
      store: modelStore(durable, life),
      journal: modelJournal({ durable, life, clock }),
      leases: modelLeases(durable, universe.timeline, life),
      clock,
      ids: modelIds(durable),
      isProven,
    })
    this.daemon.listen((event) => {
      if (!life.dead) this.events.push(event)
    })
  }

  async start(): Promise<void> {
    const { life, daemon } = this
    const started = await life.outlive(daemon.start(life.name))
    this.state = started.kind === 'taken' ? 'refused' : 'started'
    if (started.kind === 'taken') {
      life.kill()
      return
    }
    void daemon.run(life.name, this.#stop.signal).catch((error: unknown) => this.broken.push(error))
  }

  get keeper(): Keeper {
    const keeper = this.daemon.keepers()[0]
    if (keeper === undefined) throw new Error('this process keeps no cluster yet')
    return keeper
  }

  /** What it said in words, for a failing test. */
  said(): readonly string[] {
    return this.events.flatMap((e) => {
      const at = e.at % 1_000_000
      if (e.kind === 'verdict') return [`${at} verdict ${e.diagnosis.primary.row}: ${e.diagnosis.primary.because}`]
      if (e.kind === 'step' && e.event.state === 'ended')
        return [`${at}   ${e.event.act}/${e.event.step.id}: ${e.event.outcome?.kind} ${e.event.outcome?.says}`]
      if (e.kind === 'recovery_began') return [`${at} ${e.what} began: ${e.because}`]
      if (e.kind === 'recovery_ended') return [`${at} ended ${e.state}: ${e.says}`]
      if (e.kind === 'refused')
        return [`${at} refused ${e.what}: ${e.reasons.map((r) => `${r.code} (${r.says})`).join('; ')}`]
      return e.kind === 'trouble' ? [`${at} trouble: ${e.says}`] : []
    })
  }
}
