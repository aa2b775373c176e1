import { type Plan, type Planned, refuse } from '../../model/plan.ts'
import { unseenLogins } from './logins.ts'
import { rank } from './rank.ts'
import { followers, type Situation } from './situation.ts'
import { skeleton } from './switchover-act2.ts'
import { closing, closingRisks } from './switchover-closing.ts'
import { earlyAckers, enoughAckers, movingEarly } from './switchover-early.ts'
import { readying } from './switchover-ready.ts'
import { vetoes } from './switchover-vetoes.ts'

/**
 * Act 1 of a switchover: all that can be taken back. Checks; an acker is moved below the winner while the old primary keeps at least
 * its wait count of others; new connections wait; the old primary is closed within a bound; the winner applies all of it and is made
 * ready. Each step has an undo that returns the old primary to service.
 */
export function planSwitchoverAct1(situation: Situation): Planned {
  const found = followers(situation)
  const { winner, ranked } = rank(situation, found)
  const reasons = vetoes(situation, found)
  if (reasons.length > 0 || !winner) return refuse(...reasons)
  const ackers = enoughAckers(situation, winner, found)
  if (ackers.kind === 'refusal') return ackers
  const early = earlyAckers(situation, winner, found, ackers)
  const close = closing(situation, early)
  const plan: Plan = {
    ...skeleton(situation, 1),
    steps: [
      ...early.flatMap((a) => movingEarly(situation, winner, a)),
      ...close,
      ...readying(situation, { winner, ackers, early }),
    ],
    ranking: ranked,
    risks: [...ackers.risks, ...closingRisks(situation), ...unseenLogins(found)],
    switchover: { winner: winner.id, semiSync: ackers.wanted },
  }
  return { kind: 'plan', plan }
}
