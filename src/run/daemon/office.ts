import type { ClusterConfig } from '../../model/cluster.ts'
import type { ClusterId } from '../../model/ids.ts'
import type { Announcer } from '../../ports/announcers.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Ids } from '../../ports/ids.ts'
import type { Journal } from '../../ports/journal.ts'
import type { Servers } from '../../ports/servers.ts'
import type { Store } from '../../ports/store.ts'
import type { DaemonListener } from './events.ts'
import type { Observer } from './observer.ts'
import type { Questions } from './questions.ts'

/** All that serves one cluster: its eyes, its hands, its books. */
export interface Office {
  readonly cluster: ClusterId
  readonly config: ClusterConfig
  readonly observer: Observer
  readonly servers: Servers
  readonly announcers: ReadonlyMap<string, Announcer>
  /** Starts route parties that Regent may start and that do not answer; says what could not be started. */
  revive(): Promise<readonly string[]>
  readonly store: Store
  readonly journal: Journal
  readonly clock: Clock
  readonly ids: Ids
  readonly tell: DaemonListener
  /** What a person is asked in the middle of a recovery. */
  readonly questions: Questions
}
