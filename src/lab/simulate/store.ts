import type { Store } from '../../ports/store.ts'
import type { Durable } from './durable.ts'
import type { Life } from './life.ts'

/** The store of one process over what is durable. */
export function modelStore(durable: Durable, life: Life): Store {
  const read = <T>(find: () => T): Promise<T> => life.outlive(Promise.resolve().then(() => structuredClone(find())))
  const write = <T>(what: string, change: () => T): Promise<T> => life.point(what, async () => change())
  return {
    clusters: () => read(() => durable.clusters),
    addCluster: (record) => write('add cluster', () => void durable.clusters.push(record)),
    reign: (cluster) => read(() => durable.newestFirst(cluster)[0]),
    reigns: (cluster) => read(() => durable.newestFirst(cluster)),
    recordReign: (reign, token) => write('record reign', () => durable.holds(token) && durable.mint(reign)),
    crown: (cluster, epoch, token) =>
      write('crown', () => {
        durable.demand(token)
        const newest = durable.newestFirst(cluster)[0]
        const at = durable.reigns.findIndex((r) => r.cluster === cluster && r.epoch === epoch)
        const reign = durable.reigns[at]
        if (newest?.epoch !== epoch || reign === undefined) throw new Error(`epoch ${epoch} is not the newest reign`)
        durable.reigns[at] = { ...reign, state: 'open' }
      }),
    servers: (cluster) => read(() => [...durable.servers.values()].filter((s) => s.cluster === cluster)),
    rememberServer: async (record) => void durable.servers.set(`${record.cluster} ${record.id}`, record),
    forgetServer: async (cluster, server) => void durable.servers.delete(`${cluster} ${server}`),
    readings: (cluster) =>
      read(() => [...durable.readings].filter(([key]) => key.startsWith(`${cluster} `)).map(([, reading]) => reading)),
    rememberReading: async (cluster, reading) => void durable.readings.set(`${cluster} ${reading.server}`, reading),
    nextRouteNumber: (cluster, epoch, token) =>
      write('route number', () => {
        durable.demand(token)
        const key = `${cluster} ${epoch}`
        const next = (durable.routeNumbers.get(key) ?? 0) + 1
        durable.routeNumbers.set(key, next)
        return next
      }),
    orders: (cluster, at) => read(() => durable.orders.filter((o) => o.cluster === cluster && o.until > at)),
    giveOrder: async (order) => void durable.orders.push(order),
    withdrawOrder: async (cluster, kind, server) => {
      const before = durable.orders.length
      const stay = durable.orders.filter((o) => o.cluster !== cluster || o.kind !== kind || o.server !== server)
      durable.orders.splice(0, before, ...stay)
      return before - stay.length
    },
    addEvidence: async (record) => void durable.evidence.push({ ...record, id: durable.evidence.length + 1 }),
    evidence: (cluster, limit) => read(() => durable.evidence.filter((e) => e.cluster === cluster).slice(-limit)),
    end: async () => undefined,
  }
}
