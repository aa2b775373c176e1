import { COVERED_BY_YES, type Difference, differences } from '../../decide/recover/differs.ts'
import type { Situation } from '../../decide/recover/situation.ts'
import { wallTime } from '../../model/ids.ts'
import type { Plan, RefusalReason } from '../../model/plan.ts'
import type { Office } from './office.ts'

/** Both acts as they were shown. Without the second, the dry run showed why there would be none. */
export interface Shown {
  readonly plan: Plan
  readonly expected?: Plan
}

/** Act 2, and the snapshot that it was planned from. */
export interface Second {
  readonly plan: Plan
  readonly situation: Situation
}

export interface Consenting {
  readonly shown: Shown
  /** Yes was said beforehand, to whatever winner: nobody is asked. */
  readonly yes: boolean
  /** Looks and plans again: while a person thought, time passed. */
  readonly again: () => Promise<Second | readonly RefusalReason[]>
}

/**
 * The real act 2 against the one that was shown. What differs is asked of the person who gave the command, within one deadline for all;
 * what has changed once more by the time of a yes is asked again. Resolves with what may be run, or with why act 1 is to be taken back.
 */
export async function consent(
  office: Office,
  found: Second,
  { shown, yes, again }: Consenting,
): Promise<Second | readonly RefusalReason[]> {
  const { clock, config } = office
  const deadline = clock.now() + config.policy.askDeadlineMs
  let known = shown.expected
  let current = found
  for (;;) {
    const differs = differences(known, current.plan)
    if (differs.length === 0) return current
    if (yes) return covered(office, current, differs)
    const refused = await asked(office, { plan: current.plan, differs, leftMs: deadline - clock.now() })
    if (refused) return [refused]
    known = current.plan
    const next = await again()
    if (!('plan' in next)) return next
    current = next
  }
}

function covered(office: Office, current: Second, differs: readonly Difference[]): Second | readonly RefusalReason[] {
  const beyond = differs.filter(({ kind }) => !COVERED_BY_YES[kind])
  if (beyond.length > 0) return [notCovered(current.plan, beyond)]
  note(office, current.plan, `not as shown, and covered by the yes that was given: ${textOf(differs)}`)
  return current
}

interface Asked {
  readonly plan: Plan
  readonly differs: readonly Difference[]
  readonly leftMs: number
}

/** Undefined where the answer was yes. */
async function asked(office: Office, { plan, differs, leftMs }: Asked): Promise<RefusalReason | undefined> {
  const { clock, cluster, questions, tell } = office
  const id = plan.recovery
  const at = clock.wall()
  note(office, plan, `not as shown, so asked again: ${textOf(differs)}`)
  const answering = questions.ask({ id, plan, differs, until: wallTime(at + Math.max(0, leftMs)) }, leftMs)
  tell({ kind: 'question', cluster, at, id, plan, differs })
  const answer = await answering
  note(office, plan, answer === 'silence' ? 'nobody answered in time' : `the answer was ${answer}`)
  tell({ kind: 'answered', cluster, at: clock.wall(), id, answer })
  return answer === 'yes' ? undefined : notAgreed(plan, differs, answer)
}

const notAgreed = (plan: Plan, differs: readonly Difference[], answer: 'no' | 'silence'): RefusalReason => ({
  code: answer === 'no' ? 'answered_no' : 'not_answered',
  says: `the second act was not as shown (${textOf(differs)}), and ${answer === 'no' ? 'the answer was no' : 'nobody answered in time'}`,
  tryThis: `look at the plan as it is now: regent plan ${plan.kind}`,
})

const notCovered = (plan: Plan, beyond: readonly Difference[]): RefusalReason => ({
  code: 'more_than_shown',
  says: `the second act would cost more than was shown: ${textOf(beyond)}; --yes does not cover that`,
  tryThis: `look at the plan as it is now, and answer at a terminal: regent ${plan.kind}`,
})

const textOf = (differs: readonly Difference[]): string => differs.map(({ says }) => says).join('; ')

const note = (office: Office, plan: Plan, says: string): void =>
  office.journal.event(plan.recovery, office.clock.wall(), says)
