import { type Address, printAddress } from '../../model/address.ts'
import { printDemand, provenLevels, satisfies } from '../../model/fence.ts'
import type { ServerId } from '../../model/ids.ts'
import { done, failed, type Outcome } from '../../model/outcome.ts'
import type { ProofLevel } from '../../model/policy.ts'
import { takesWrites } from '../../model/server.ts'
import type { Step, StepKind } from '../../model/step.ts'
import type { ChangeContext, ServerAt } from '../../ports/servers.ts'
import { announce, closeIdleSessions, withdraw } from './doers-route.ts'
import { keptAll } from './kept.ts'
import { whyNot } from './stopped.ts'
import type { Doer, Doers, World } from './world.ts'

/** Hands a step to its doer: the one place where the kind decides. */
export function doStep(step: Step, world: World, signal: AbortSignal): Promise<Outcome> {
  const doer = DOERS[step.kind] as Doer<StepKind>
  return doer(step, world, signal)
}

const context = (world: World, signal: AbortSignal): ChangeContext => ({
  warrant: world.lease.warrant(world.cluster),
  signal,
})

/** With the server's address, or a failure that says that it has been forgotten. */
async function at(world: World, server: ServerId, act: (address: ServerAt) => Promise<Outcome>): Promise<Outcome> {
  const address = await world.addressOf(server)
  if (!address) return failed('forgotten', `no address of ${server} is known any more`)
  const outcome = await act({ ...address, id: server })
  // A standing connection that still leads to the old one would go on showing it there: the next look opens a new one.
  if (outcome.kind === 'failed' && outcome.code === 'another_server') world.servers.forget(address)
  return outcome
}

type OnChannel = Extract<Step, { readonly channel: string; readonly server: ServerId }>
const onChannel = (
  world: World,
  step: OnChannel,
  act: (place: { address: ServerAt; channel: string }) => Promise<Outcome>,
): Promise<Outcome> => at(world, step.server, (address) => act({ address, channel: step.channel }))

const DOERS: Doers = {
  withdraw_route: withdraw,
  announce,
  close_idle_sessions: closeIdleSessions,
  cut_clients: (s, w, signal) =>
    at(w, s.server, (address) =>
      s.whom === 'all'
        ? w.servers.cutClients(address, [], context(w, signal))
        : w.servers.cutPrivileged(address, context(w, signal)),
    ),
  close_server: (s, w, signal) =>
    at(w, s.server, (address) => w.servers.close(address, { lockWaitS: s.lockWaitS }, context(w, signal))),
  open_server: async (s, w, signal) => {
    const against = await w.beforeOpening?.(s.server)
    if (against !== undefined)
      return failed('rival_open', `it stays closed: ${against}`, 'see who opened it: regent diagnose')
    return at(w, s.server, (address) => w.servers.open(address, context(w, signal)))
  },
  semi_sync_source: (s, w, signal) =>
    at(w, s.server, (address) =>
      w.servers.semiSyncSource(address, { enabled: s.to === 'on', waitCount: s.waitCount }, context(w, signal)),
    ),
  start_applier: (s, w, signal) => onChannel(w, s, (place) => w.servers.startApplier(place, context(w, signal))),
  seal: (s, w, signal) =>
    onChannel(w, s, (place) => w.servers.seal(place, { killAfterMs: s.killAfterMs }, context(w, signal))),
  unseal: (s, w, signal) => onChannel(w, s, (place) => w.servers.startReceiver(place, context(w, signal))),
  drain: async (s, w, signal) =>
    keptAll(s, w, await onChannel(w, s, (place) => w.servers.awaitApplied(place, context(w, signal)))),
  reach: (s, w, signal) =>
    onChannel(w, s, (place) => at(w, s.of, (target) => w.servers.awaitReach(place, target, context(w, signal)))),
  stop_applier: (s, w, signal) =>
    onChannel(w, s, (place) => w.servers.stopApplier(place, { rollBack: s.rollBack }, context(w, signal))),
  attach: (s, w, signal) =>
    onChannel(w, s, (place) =>
      at(w, s.to, (source) => w.servers.attach(place, attachment(w, source, s.keepRelayLog), context(w, signal))),
    ),
  count_ackers: countAckers,
  barrier: passBarrier,
  crown: async (s, w) => {
    await w.store.crown(w.cluster, w.epoch, w.lease.token)
    return done(`epoch ${w.epoch} is recorded as open: ${s.server} reigns`)
  },
  reset_channel: (s, w, signal) => onChannel(w, s, (place) => w.servers.resetChannel(place, context(w, signal))),
}

const attachment = (world: World, source: ServerAt, keepRelayLog: boolean) => ({
  source,
  keepRelayLog,
  heartbeatMs: world.policy.heartbeatMs,
  connectRetryMs: world.policy.connectRetryMs,
  // The replica side is on before the channel starts, or its source would not count it as an acker.
  semiSyncReplica: true,
})

/** How often the ackers are looked at while their receivers do not run yet. */
const LOOK_AGAIN_MS = 5
const LOOK_DEADLINE_MS = 300

/**
 * Both must agree: the source counts that many, and that many of these receivers are seen running. A count alone may be stale
 * (MySQL goes on counting a replica that has just left), and a running receiver alone is not yet registered.
 */
async function countAckers(step: Step<'count_ackers'>, world: World, signal: AbortSignal): Promise<Outcome> {
  const source = await world.addressOf(step.server)
  if (!source) return failed('forgotten', `no address of ${step.server} is known any more`)
  const counted = world.servers.awaitAckers({ ...source, id: step.server }, step.atLeast, context(world, signal))
  for (;;) {
    const running = await runningAckers(step, world, source)
    if (running >= step.atLeast) return counted
    if (signal.aborted)
      return failed('too_few_ackers', `${running} of ${step.atLeast} ackers are seen receiving from it`)
    await world.clock.sleep(LOOK_AGAIN_MS, signal).catch(() => undefined)
  }
}

async function runningAckers(step: Step<'count_ackers'>, world: World, source: Address): Promise<number> {
  const named = namesOf(source, world)
  const looks = step.ackers.map(async (id) => {
    const address = await world.addressOf(id)
    const look = address && (await world.servers.look(address, 'live', LOOK_DEADLINE_MS))
    const names = await named
    return (
      look?.kind === 'answered' &&
      look.status.id === id &&
      look.status.channels.some((c) => c.receiver === 'running' && names.has(printAddress(c.source)))
    )
  })
  return (await Promise.all(looks)).filter(Boolean).length
}

/** The source may be known to its replicas by another of its names. */
async function namesOf(source: Address, world: World): Promise<ReadonlySet<string>> {
  const look = await world.servers.look(source, 'live', LOOK_DEADLINE_MS)
  const aliases = look.kind === 'answered' ? look.status.aliases : []
  return new Set([source, ...aliases].map(printAddress))
}

const KNOCK_MS = 200

/** A drain may have taken a minute, and a supervisor may have started it again. */
async function stillRefused(step: Step<'barrier'>, world: World): Promise<boolean> {
  const knocks = await world.servers.knock(step.addresses, KNOCK_MS)
  return knocks.every((k) => k.outcome === 'refused')
}

/** Closed is not for ever where servers start writable: it may have been restarted during the drain. */
async function opensAgain(step: Step<'barrier'>, world: World): Promise<boolean> {
  const address = world.policy.startsReadOnly ? undefined : await world.addressOf(step.server)
  const look = address && (await world.servers.look(address, 'live', LOOK_DEADLINE_MS))
  return look?.kind === 'answered' && look.status.id === step.server && takesWrites(look.status.access)
}

/** Waits for the fencing steps of act 1 (they ran beside the promotion), and judges what they have proven. Changes nothing. */
async function passBarrier(step: Step<'barrier'>, world: World): Promise<Outcome> {
  const outcomeOf = async (id: string): Promise<boolean> => (await world.ledger.get(id)?.ended)?.kind === 'done'
  const known = {
    stopped: step.stopped && (await stillRefused(step, world)),
    routesAreComplete: step.routesAreComplete,
  }
  const early = provenLevels({ ...known, closedReadOnly: false, routes: [] })
  if (satisfies(early, step.demand)) return done(`${printDemand(step.demand)} is proven`)
  const routes = await Promise.all(step.routeSteps.map(async (route) => ({ route, closed: await outcomeOf(route) })))
  const closed = await Promise.all(step.closeSteps.map(outcomeOf))
  const closedReadOnly = closed.length > 0 && closed.every(Boolean) && !(await opensAgain(step, world))
  const proven = provenLevels({ ...known, routes, closedReadOnly })
  const open = routes.filter((r) => !r.closed).map((r) => r.route)
  if (satisfies(proven, step.demand))
    return done(`${printDemand(step.demand)} is proven (${proven.filter((p) => p !== 'none').join(', ')})`)
  return failed(
    'not_fenced',
    `${printDemand(step.demand)} is demanded, proven is only: ${proven.join(', ')}${open.length > 0 ? `; not withdrawn: ${open.join(', ')}` : ''}${whyNot(step.closeSteps, world)}`,
    `${TO_PROVE[step.demand.atLeast]}; or, where yet another server may lead, accept less by name: regent failover <cluster> --abandon --fence readonly|none --reason "…"`,
  )
}

/** What a person can do so that the recovery goes on by itself. */
const TO_PROVE: { readonly [K in ProofLevel]: string } = {
  none: 'see why: regent history',
  routes: 'see that every route answers (regent proxy status)',
  readonly: 'see that the old primary answers and can be closed',
  stopped: 'stop the server process of the old primary',
  off: 'switch the host of the old primary off',
}
