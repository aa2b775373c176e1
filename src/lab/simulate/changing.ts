import { printAddress } from '../../model/address.ts'
import { done, failed, type Outcome } from '../../model/outcome.ts'
import type { ChangeContext, Changing, ServerAt } from '../../ports/servers.ts'
import {
  attach,
  connected,
  drained,
  onChannel,
  reset,
  standing,
  startApplier,
  startReceiver,
  type Work,
} from './changing-channel.ts'
import type { Life } from './life.ts'
import type { ModelServer, Session } from './server.ts'
import { statusOf } from './status.ts'
import type { Universe } from './universe.ts'
import { type Answered, anotherServer, type Wire } from './wire.ts'

const ASK_AGAIN_MS = 5
/** A wait changes nothing: when its time is over, what was last seen is the outcome. */
const OVER = 'still_behind'

const isOver = (outcome: Outcome): boolean => outcome.kind === 'failed' && [OVER, 'no_answer'].includes(outcome.code)

/** The hands of one process. Each change is one guarded packet that takes effect at one virtual instant, or not at all. */
export function modelChanging(wire: Wire, life: Life): Changing {
  const { universe } = wire
  const send = (what: string, address: ServerAt, context: ChangeContext, work: Work): Promise<Outcome> =>
    life.point(`${what} ${address.host}`, (delayMs) => wire.change(address, context, { what, delayMs, work }))
  const poll = (address: ServerAt, context: ChangeContext, look: Polling['look']): Promise<Outcome> =>
    life.outlive(pollUntil(wire, { address, context, look }))

  return {
    prepare: async (address) => {
      const found = universe.at(address)
      const another = found?.life === 'up' ? anotherServer(address, found) : undefined
      return another ?? done('a session for changes stands ready')
    },
    release: () => undefined,
    takeOver: (address, warrant, signal) =>
      life.outlive(
        wire
          .askOf(address, signal, (server) => killOlder(server, warrant.token))
          .then((answer) => (answer.ok ? answer.value : answer.outcome)),
      ),
    seal: ({ address }, _options, context) =>
      send('seal', address, context, (server, apply) =>
        onChannel(server, (channel) => {
          if (channel.receiver !== 'stopped')
            apply(() => {
              channel.receiver = 'stopped'
            })
          return done('the receiver is stopped', statusOf(server, universe))
        }),
      ),
    startReceiver: ({ address }, context) => send('start receiver', address, context, startReceiver),
    startApplier: ({ address }, context) => send('start applier', address, context, startApplier),
    stopApplier: ({ address }, _options, context) =>
      send('stop applier', address, context, (server, apply) =>
        onChannel(server, (channel) => {
          if (channel.applier === 'running')
            apply(() => {
              channel.applier = 'stopped'
            })
          return done('the applier is stopped')
        }),
      ),
    awaitApplied: ({ address }, context) => poll(address, context, (server) => drained(server, universe)),
    awaitReach: (place, target, context) => life.outlive(reach(wire, place.address, target, context)),
    attach: async ({ address }, to, context) => {
      const source = await sourceHolds(wire, to.source, context)
      const moved = await send('attach', address, context, (server, apply) => attach(server, to, { apply, source }))
      if (moved.kind !== 'done') return moved
      return poll(address, context, (server) => connected(server, to))
    },
    resetChannel: ({ address }, context) => send('reset', address, context, reset),
    awaitAckers: (address, atLeast, context) =>
      poll(address, context, (server) => {
        const clients = universe.ackersOf(server).length
        return clients >= atLeast ? { kind: 'done', says: `${clients} are attached`, facts: { clients } } : undefined
      }).then((outcome) =>
        isOver(outcome)
          ? failed('too_few_ackers', `fewer than ${atLeast} were attached when the time was over`)
          : outcome,
      ),
    semiSyncSource: (address, { enabled, waitCount }, context) =>
      send(enabled ? 'source on' : 'source off', address, context, (server, apply) => {
        const already = server.source.enabled === enabled && (!enabled || server.source.waitCount === waitCount)
        if (!already)
          apply(() => {
            server.source = { enabled, waitCount: Math.max(1, waitCount) }
          })
        return done(`the source side is ${enabled ? 'on' : 'off'}`)
      }),
    cutClients: (address, _except, context) =>
      send('cut clients', address, context, (server, apply) => {
        const cut = server.sessions.length
        apply(() => {
          for (const session of server.sessions) session.open = false
          server.sessions = []
        })
        return { kind: 'done', says: 'the clients are cut', facts: { cut, left: 0 } }
      }),
    cutPrivileged: (address, context) =>
      send('cut privileged', address, context, ({ bypasser }) =>
        bypasser === undefined
          ? done('closing holds every account')
          : failed('privileged_clients', `${bypasser} came back by itself when it was cut, and writes on`, 'lock it'),
      ),
    close: (address, { lockWaitS }, context) => send('close', address, context, closing(universe, lockWaitS)),
    open: (address, context) =>
      send('open', address, context, (server, apply) => {
        if (server.access !== 'writable')
          apply(() => {
            server.access = 'writable'
          })
        return done(`${printAddress(address)} is open`)
      }),
    idleSessions: async (address, signal) => {
      const answer = await life.outlive(
        wire.askOf(address, signal, (server) => server.sessions.map((s) => ({ peer: s.peer, idle: isIdle(s) }))),
      )
      return answer.ok ? answer.value : []
    },
  }
}

/** As its server sees it: what its route holds back has not been said. */
const isIdle = (session: Session): boolean => !session.busy || (session.held?.length ?? 0) > 0

interface Polling {
  readonly address: ServerAt
  readonly context: ChangeContext
  readonly look: (server: ModelServer) => Outcome | undefined
}

async function pollUntil(wire: Wire, polling: Polling): Promise<Outcome> {
  const { address, context, look } = polling
  for (;;) {
    const answer: Answered<Outcome | undefined> = await wire.askOf(address, context.signal, look)
    if (!answer.ok) return answer.outcome
    if (answer.value) return answer.value
    const rested = await wire.clock.sleep(ASK_AGAIN_MS, context.signal).then(
      () => true,
      () => false,
    )
    if (!rested) return failed(OVER, `${printAddress(address)}: not so when the time was over`)
  }
}

/** Nobody of an older holder's is left here, and nothing of theirs that still waits takes effect. */
function killOlder(server: ModelServer, token: number): Outcome {
  server.killedBelow = Math.max(server.killedBelow, token)
  const older = [...server.holders].filter((holder) => holder < token)
  for (const holder of older) server.holders.delete(holder)
  return { kind: 'done', says: 'earlier sessions for changes are ended', facts: { killed: older.length } }
}

async function reach(wire: Wire, address: ServerAt, target: ServerAt, context: ChangeContext): Promise<Outcome> {
  const wanted = await wire.askOf(target, context.signal, (server) => [...server.binlog])
  if (!wanted.ok) return wanted.outcome
  return pollUntil(wire, {
    address,
    context,
    look: (server) => {
      if (wanted.value.every((t) => server.has(t))) return done('has applied all of it')
      if (server.channel?.applier === 'stopped') return standing(server.channel)
      const ended = server.channel?.receiver === 'stopped' && server.channel.relay.length === 0
      return ended ? failed('receiver_stopped', 'the receiver stopped before it had everything') : undefined
    },
  })
}

async function sourceHolds(
  wire: Wire,
  source: ServerAt,
  context: ChangeContext,
): Promise<ReadonlySet<number> | undefined> {
  const answer = await wire.askOf(source, context.signal, (server) => new Set(server.binlog.map((t) => t.uid)))
  return answer.ok ? answer.value : undefined
}

/** Waits behind running commits and holds every new write meanwhile; given up after the lock wait, and undone then. */
function closing(universe: Universe, lockWaitS: number): Work {
  return (server, apply, going) => {
    if (server.access !== 'writable') return done('it is closed')
    const until = universe.timeline.now + lockWaitS * 1000
    const attempt = (): Outcome | undefined => {
      if (!going() || server.life === 'down') return failed('ended', 'the waiting SET was killed')
      if (server.waiting.length + server.locks === 0) {
        apply(() => {
          server.access = 'closed_to_all'
        })
        return done('it is closed')
      }
      const over = universe.timeline.now >= until
      return over ? failed('lock_wait', `${server.name} could not be closed within ${lockWaitS} s`) : undefined
    }
    return new Promise((resolve) => {
      const again = (): void => {
        const outcome = attempt()
        server.closing = outcome === undefined
        if (outcome === undefined) {
          universe.timeline.after(ASK_AGAIN_MS, again)
          return
        }
        universe.resume(server)
        resolve(outcome)
      }
      again()
    })
  }
}
