import { printAddress } from '../../model/address.ts'
import type { Store } from '../../ports/store.ts'
import type { Durable } from './durable.ts'
import type { Life } from './life.ts'

/** The store of one process over what is durable. */
export function modelStore(durable: Durable, life: Life): Store {
  const read = <T>(find: () => T): Promise<T> => life.outlive(Promise.resolve().then(() => structuredClone(find())))
  /** Nothing that a recovery rests on: no point at which a process is killed. */
  const note = <T>(change: () => T): Promise<T> => life.outlive(Promise.resolve().then(change))
  const write = <T>(what: string, change: () => T): Promise<T> => life.point(what, async () => change())
  return {
    clusters: () => read(() => durable.clusters),
    addCluster: (record) => write('add cluster', () => durable.addCluster(record)),
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
    rememberServer: (record) =>
      note(() => void durable.servers.set(`${record.cluster} ${printAddress(record.address)}`, record)),
    forgetServer: (cluster, server) => note(() => durable.forget(cluster, server)),
    readings: (cluster) =>
      read(() => [...durable.readings].filter(([key]) => key.startsWith(`${cluster} `)).map(([, reading]) => reading)),
    rememberReading: (cluster, reading) =>
      note(() => void durable.readings.set(`${cluster} ${reading.server}`, structuredClone(reading))),
    nextRouteNumber: (cluster, epoch, token) =>
      write('route number', () => {
        durable.demand(token)
        const key = `${cluster} ${epoch}`
        const next = (durable.routeNumbers.get(key) ?? 0) + 1
        durable.routeNumbers.set(key, next)
        return next
      }),
    orders: (cluster, at) =>
      read(() => durable.orders.filter((o) => o.cluster === cluster && o.from <= at && at < o.until)),
    giveOrder: (order) => note(() => void durable.orders.push(order)),
    withdrawOrder: (cluster, kind, server) => note(() => durable.withdraw(cluster, { kind, server })),
    addEvidence: (record) => note(() => void durable.evidence.push({ ...record, id: durable.evidence.length + 1 })),
    evidence: (cluster, limit) =>
      read(() =>
        durable.evidence
          .filter((e) => e.cluster === cluster)
          .reverse()
          .slice(0, limit),
      ),
    end: async () => undefined,
  }
}
