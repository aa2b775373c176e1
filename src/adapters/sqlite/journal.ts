import type { RecoveryId } from '../../model/ids.ts'
import type { StepRecord } from '../../model/outcome.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Journal } from '../../ports/journal.ts'
import type { WriteBehind } from './behind.ts'
import type { Bridge } from './bridge.ts'
import type { CallName, Input, Output } from './handlers.ts'
import type { Call } from './protocol.ts'

export interface JournalParts {
  readonly bridge: Bridge
  readonly behind: WriteBehind
  readonly clock: Clock
  /** Token of the lease that this process took last; 0 before the first. */
  readonly token: () => number
}

/**
 * Intents and states are durable when they resolve; steps and events are posted, in order, and every later call of this journal
 * comes after them in the store. Setting a state without the lease rejects.
 */
export function journalOver({ bridge, behind, clock, token }: JournalParts): Journal {
  let tick = 0
  const postStep = (id: RecoveryId, key: string, record?: StepRecord): void => {
    tick += 1
    const step = { id, key, token: token(), tick }
    behind.post({ name: 'step', input: record === undefined ? step : { ...step, record } })
  }
  const call: Bridge['call'] = (name, input) => {
    behind.push()
    return bridge.call(name, input)
  }
  /** With what waits, in one transaction: one wait for the disk instead of two, right where a promotion waits. */
  const withWaiting = async <K extends CallName>(name: K, input: Input<K>): Promise<Output<K>> => {
    // As in the bridge: the compiler cannot tie the name to the input, or to the answer, inside a union; the signature has.
    const answer = behind.ask({ name, input } as Call)
    behind.push()
    return (await answer) as Output<K>
  }
  return {
    begin: (record, plan, held) => call('begin', { record, plan, token: held }),
    intend: (id, plan, held) => withWaiting('intend', { id, plan, token: held, at: clock.wall() }),
    stepStarted: (id, key) => postStep(id, key),
    stepEnded: (id, key, record) => postStep(id, key, record),
    event: (id, at, says) => behind.post({ name: 'event', input: { id, at, says } }),
    setState: (id, state, at, held) => call('setState', { id, state, at, token: held }),
    setRefusals: (id, reasons) => call('setRefusals', { id, reasons }),
    setLost: (id, lost) => call('setLost', { id, lost }),
    flush: () => behind.flush(),
    open: (cluster) => call('open', cluster),
    read: (id) => call('read', id),
    list: (cluster, limit) => call('list', { cluster, limit }),
    lastCompleted: (cluster, kind, automatic) => call('lastCompleted', { cluster, kind, automatic }),
  }
}
