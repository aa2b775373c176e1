import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, EndJson, QuestionJson } from '../../api/contract.ts'
import type { Context } from '../context.ts'
import { planText } from './plan-text.ts'

/** A question has half a minute: this much of it may pass unseen. */
const LOOK_EVERY_MS = 250

/**
 * Waits for the end of a change, and puts to the person whatever it asks in between: act 1 may show that act 2 has to be another one.
 * An interrupt is a no. Whoever goes away without an answer lets the deadline pass, after which act 1 is taken back as well.
 */
export async function answering(
  context: Context,
  { client, id }: { readonly client: Client; readonly id: string },
  running: Promise<EndJson>,
): Promise<EndJson> {
  const over = new AbortController()
  const ended = running.then(
    () => over.abort(),
    () => over.abort(),
  )
  let unanswered: QuestionJson | undefined
  while (!over.signal.aborted) {
    await Promise.race([ended, sleep(LOOK_EVERY_MS, undefined, { signal: over.signal }).catch(() => undefined)])
    if (over.signal.aborted) break
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
