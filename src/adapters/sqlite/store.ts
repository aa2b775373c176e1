import type { Store } from '../../ports/store.ts'
import type { WriteBehind } from './behind.ts'
import type { Bridge } from './bridge.ts'

export interface StoreParts {
  readonly bridge: Bridge
  /** For what is frequent and not urgent: these share transactions, and resolve when theirs is durable. */
  readonly shared: WriteBehind
  readonly end: () => Promise<void>
}

/** Every failure rejects with a ProblemError that names the file: a store that cannot be read never looks like an empty one. */
export function storeOver({ bridge, shared, end }: StoreParts): Store {
  return {
    clusters: () => bridge.call('clusters', undefined),
    addCluster: (record) => bridge.call('addCluster', record),
    reign: (cluster) => bridge.call('reign', cluster),
    reigns: (cluster) => bridge.call('reigns', cluster),
    recordReign: (reign, token) => bridge.call('recordReign', { reign, token }),
    crown: (cluster, epoch, token) => bridge.call('crown', { cluster, epoch, token }),
    servers: (cluster) => bridge.call('servers', cluster),
    rememberServer: async (record) => {
      await shared.ask({ name: 'rememberServer', input: record })
    },
    forgetServer: (cluster, server) => {
      shared.push()
      return bridge.call('forgetServer', { cluster, server })
    },
    readings: (cluster) => bridge.call('readings', cluster),
    rememberReading: async (cluster, reading) => {
      await shared.ask({ name: 'rememberReading', input: { cluster, reading } })
    },
    nextRouteNumber: (cluster, epoch, token) => bridge.call('nextRouteNumber', { cluster, epoch, token }),
    orders: (cluster, at) => bridge.call('orders', { cluster, at }),
    giveOrder: (order) => bridge.call('giveOrder', order),
    withdrawOrder: (cluster, kind, server, at) => bridge.call('withdrawOrder', { cluster, kind, server, at }),
    addEvidence: async (record) => {
      await shared.ask({ name: 'addEvidence', input: record })
    },
    evidence: (cluster, limit) => bridge.call('evidence', { cluster, limit }),
    end,
  }
}
