import { printAddress, sameAddress } from '../../model/address.ts'
import { printHistory } from '../../model/history.ts'
import type { ServerId } from '../../model/ids.ts'
import { named } from '../../model/naming.ts'
import { type ServerStatus, takesWrites } from '../../model/server.ts'
import type { Sighting } from '../../model/sighting.ts'
import { edgesOf, edgesTo, type Member, member, type Topology } from '../../model/topology.ts'
import type { Keeper, RouteReading, View } from '../../run/daemon/index.ts'
import type { ClusterJson, Health, OrderJson, Role, RouteJson, ServerJson } from './contract.ts'
import { whyOf } from './look-why.ts'
import { namedReasons } from './named.ts'
import { questionJson } from './records.ts'

/** A keeper's view as JSON. `routes`: as each was last read. */
export function clusterJson(keeper: Keeper, view: View, routes: ReadonlyMap<string, RouteReading>): ClusterJson {
  const { topology, diagnosis } = view
  const { office, books } = keeper
  const reign = books.reign()
  const facts = books.permitFacts()
  const { verdict, row, remedy, because, primary } = diagnosis.primary
  const names = namesIn(topology)
  const question = office.questions.open()
  return {
    alias: topology.alias,
    id: topology.cluster,
    at: office.clock.wall(),
    sentence: named(view.sentence, names),
    verdict,
    row,
    remedy,
    because: named(because, names),
    servers: [
      ...topology.members.map((m) => memberJson(keeper, view, m)),
      ...topology.strangers.map((s) => sightingJson(keeper, topology, s)),
    ],
    routes: [...office.announcers.keys()].map((name) => routeJson(name, routes.get(name))),
    refusals: namedReasons(view.refusals, names),
    ...(reign ? { epoch: reign.epoch, reignState: reign.state } : {}),
    ...(primary === undefined ? {} : { primary: nameOf(topology, primary) }),
    ...(facts.pause ? { paused: { reason: facts.pause.reason, by: facts.pause.by, until: facts.pause.until } } : {}),
    ...(question ? { question: questionJson(question, names, office.clock.wall()) } : {}),
    ...(facts.openRecovery === undefined ? {} : { openRecovery: facts.openRecovery }),
  }
}

export function nameOf(topology: Topology, id: ServerId): string {
  const found = member(topology, id)
  return found ? printAddress(found.sighting.address) : id
}

export const namesIn = (topology: Topology): Readonly<Record<string, string>> =>
  Object.fromEntries(topology.members.map((m) => [m.id, printAddress(m.sighting.address)]))

function memberJson(keeper: Keeper, { topology, diagnosis }: View, found: Member): ServerJson {
  const status = found.sighting.answer?.status
  const findings = diagnosis.replicas
    .filter((r) => r.server === found.id)
    .map(({ finding, because, tryThis }) => ({
      finding,
      because: named(because, namesIn(topology)),
      ...(tryThis === undefined ? {} : { tryThis: named(tryThis, namesIn(topology)) }),
    }))
  const former = keeper.books.formerPrimaries().has(found.id)
  return {
    ...sightingJson(keeper, topology, found.sighting),
    id: found.id,
    role: roleOf(topology, found),
    health: healthOf(found, findings.length),
    site: found.declared.site,
    orders: ordersOn(keeper, found.id),
    // One that follows again is a replica like any other, and as read-only as they are.
    fenced: former && status !== undefined && !takesWrites(status.access) && edgesOf(topology, found.id).length === 0,
    findings,
    ...(status ? statusJson(status, topology, found.id) : {}),
  }
}

/** All that there is to say of a server that never answered. */
function sightingJson(keeper: Keeper, topology: Topology, sighting: Sighting): ServerJson {
  const why = whyOf(sighting.latest, { server: sighting.address, user: keeper.office.config.monitor.user })
  return {
    address: printAddress(sighting.address),
    ...(isSeed(keeper, sighting) ? { seed: true } : {}),
    role: 'unknown',
    health: 'unknown',
    ...(why ? { why } : {}),
    look: sighting.latest.kind,
    lookAgeMs: Math.max(0, Math.round(topology.at - sighting.latest.at)),
    sources: [],
    semiSync: { source: false, replica: false, clients: 0, waitCount: 0 },
    site: '',
    fenced: false,
    orders: [],
    findings: [],
  }
}

/** A server may answer at several addresses, and is shown by one of them. */
function isSeed({ office }: Keeper, { address, id }: Sighting): boolean {
  const others = office.observer.sightings().filter((s) => id !== undefined && s.id === id)
  const known = [address, ...others.map((s) => s.address)]
  return office.config.seeds.some((seed) => known.some((one) => sameAddress(one, seed)))
}

/** An `unfence` of an earlier reign releases nothing: whoever it was given for is fenced like any other former primary. */
function ordersOn({ books, office }: Keeper, server: ServerId): readonly OrderJson[] {
  const now = office.clock.wall()
  const reign = books.reign()
  return books
    .orders()
    .filter((o) => o.server === server && o.until > now)
    .filter((o) => o.kind !== 'unfence' || reign === undefined || o.from >= reign.at)
    .map(({ kind, reason, by, from, until }) => ({ kind, reason, by, from, until }))
}

function statusJson(
  status: ServerStatus,
  topology: Topology,
  id: ServerId,
): Pick<ServerJson, 'version' | 'access' | 'sources' | 'gtid' | 'semiSync' | 'lagMs'> {
  const { semiSync } = status
  const lags = status.channels.flatMap((c) => (c.lagMs === undefined ? [] : [Math.max(0, c.lagMs - c.delayMs)]))
  return {
    version: status.version.text,
    access: status.access,
    gtid: printHistory(status.history),
    sources: edgesOf(topology, id).map(({ channel, source }) => ({
      channel: channel.name,
      from: source === undefined ? printAddress(channel.source) : nameOf(topology, source),
      ...(source === undefined ? {} : { id: source }),
      receiver: channel.receiver,
      applier: channel.applier,
      ...errorOf(channel),
    })),
    semiSync:
      semiSync.kind === 'absent'
        ? { source: false, replica: false, clients: 0, waitCount: 0 }
        : {
            source: semiSync.source.enabled,
            replica: semiSync.replicaEnabled,
            clients: semiSync.source.clients,
            waitCount: semiSync.source.waitCount,
          },
    ...(lags.length > 0 ? { lagMs: Math.max(...lags) } : {}),
  }
}

function errorOf(channel: ServerStatus['channels'][number]): { readonly error?: string } {
  const found = channel.applierError ?? channel.receiverError
  return found ? { error: `${found.code} ${found.message}` } : {}
}

function roleOf(topology: Topology, found: Member): Role {
  if (topology.reign?.primary === found.id) return 'primary'
  const follows = edgesOf(topology, found.id)
  const followed = edgesTo(topology, found.id)
  if (follows.some((e) => e.source !== undefined && edgesOf(topology, e.source).some((o) => o.source === found.id)))
    return 'co-primary'
  if (follows.length === 0) return followed.length === 0 ? 'alone' : topology.reign ? 'unknown' : 'primary'
  return followed.length > 0 ? 'intermediate' : 'replica'
}

function healthOf(found: Member, findings: number): Health {
  if (found.sighting.latest.kind !== 'answered') return found.sighting.answer ? 'bad' : 'unknown'
  return findings > 0 ? 'warning' : 'good'
}

function routeJson(name: string, reading: RouteReading | undefined): RouteJson {
  if (reading === undefined) return { name, state: 'unknown', sessions: 'unknown', why: 'not read yet' }
  if (reading.kind === 'unknown') return { name, state: 'unknown', sessions: 'unknown', why: reading.why }
  if (reading.kind === 'empty') return { name, state: 'empty', sessions: 0 }
  const { message, sessionsOpen } = reading
  return {
    name,
    state: message.kind,
    epoch: message.epoch,
    number: message.number,
    sessions: sessionsOpen,
    ...(message.kind === 'open' ? { primary: printAddress(message.primary) } : {}),
  }
}
