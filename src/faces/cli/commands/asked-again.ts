import { setTimeout as sleep } from 'node:timers/promises'
import { ProblemError, problem } from '../../../model/problem.ts'
import type { Client, EndJson, QuestionJson } from '../../api/contract.ts'
import type { Context, Where } from '../context.ts'
import { planText } from './plan-text.ts'

/** A question has half a minute: this much of it may pass unseen. */
const LOOK_EVERY_MS = 250

export interface Awaited {
  readonly client: Client
  readonly where: Where
  /** The recovery, as its plan was shown. */
  readonly id: string
  /** False where the yes was given beforehand. */
  readonly asks: boolean
}

/**
 * Waits for the end of a change, and puts to the person whatever it asks in between: act 1 may show that act 2 has to be another one.
 * An interrupt is a no. Whoever goes away without an answer lets the deadline pass, after which act 1 is taken back as well.
 *
 * An interrupt takes back nothing that is not asked: half-way is the worst place to stop. Here the change goes on to its end, and the
 * next interrupt ends the program as a crash would; a daemon goes on by itself, so that there is nothing to wait for: `still_running`.
 */
export async function ending(context: Context, awaited: Awaited, running: Promise<EndJson>): Promise<EndJson> {
  const { client, where, id, asks } = awaited
  const { signal } = context.io
  const over = new AbortController()
  const next = where === 'daemon' ? AbortSignal.any([over.signal, signal]) : over.signal
  // At once: whoever is impatient interrupts again before a look comes round, and would not know what they left.
  if (where === 'here') signal.addEventListener('abort', () => context.note(goesOn(id)), { signal: over.signal })
  const ended = running.then(
    () => over.abort(),
    () => over.abort(),
  )
  let unanswered: QuestionJson | undefined
  while (!over.signal.aborted) {
    await Promise.race([ended, sleep(LOOK_EVERY_MS, undefined, { signal: next }).catch(() => undefined)])
    if (over.signal.aborted) break
    if (where === 'daemon' && signal.aborted) throw new ProblemError(problem('still_running', { id, why: LEFT }))
    if (!asks) continue
    // One that cannot be read now is read with the next look; how the recovery ended is told in any case.
    const question = await client.question(id).catch(() => undefined)
    if (!question || question.until === unanswered?.until) continue
    const answer = await put(context, question, over.signal)
    if (answer !== 'silence') await send(context, client, { question, yes: answer === 'yes' })
    // What silence means is for whoever asks to say, when its own deadline has passed.
    else unanswered = question
  }
  return running
}

const LEFT = 'nobody waits for it here any more; the Regent that was given the command goes on with it'

const goesOn = (id: string): string =>
  [
    `\nInterrupted: recovery ${id} goes on until it is done or taken back, which is safer than half of it.`,
    '  Interrupt again to end this program at once. The recovery is then left open, as after a crash:',
    '  the next regent command that changes something, or a regent watch, finishes it or takes it back.',
    `  See how far it is: regent history ${id}`,
  ].join('\n')

function put(context: Context, question: QuestionJson, over: AbortSignal): Promise<'yes' | 'no' | 'silence'> {
  context.note(questionText(context, question))
  const leftMs = Math.max(1000, Math.floor((question.until - question.at) / 1000) * 1000)
  return context.asks('Act 1 has been run. Go on with this plan? Else act 1 is taken back.', leftMs, over)
}

interface Answered {
  readonly question: QuestionJson
  readonly yes: boolean
}

const send = (context: Context, client: Client, { question, yes }: Answered): Promise<void> =>
  client.answer(question.id, yes).catch((error: unknown) => {
    context.note(`the answer came too late: ${error instanceof Error ? error.message : String(error)}`)
  })

export const questionText = (context: Context, { differs, plan }: QuestionJson): string =>
  [
    context.paint('yellow', 'The second act is not the one that was shown:'),
    ...differs.map(({ says }) => `  ${context.paint('yellow', '!')} ${says}`),
    planText(context, plan),
  ].join('\n')
