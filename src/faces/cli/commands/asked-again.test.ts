import { PassThrough } from 'node:stream'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { aClient, aQuestion } from '../../../../test/made-up.ts'
import { ProblemError, problem } from '../../../model/problem.ts'
import type { EndJson, QuestionJson } from '../../api/contract.ts'
import { Context } from '../context.ts'
import type { Runners } from '../runners.ts'
import { answering } from './asked-again.ts'

const DONE: EndJson = { kind: 'done', id: 'r-9', says: 'done', left: [] }
const UNDONE: EndJson = { kind: 'refused', id: 'r-9', reasons: [], undone: true }

interface World {
  readonly context: Context
  readonly stop: AbortController
  readonly typed: PassThrough
  readonly err: () => string
}

function atTerminal(): World {
  const typed = Object.assign(new PassThrough(), { isTTY: true })
  const stderr = Object.assign(new PassThrough(), { isTTY: true })
  let err = ''
  stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString()
  })
  const stop = new AbortController()
  const io = {
    stdin: typed as unknown as NodeJS.ReadStream,
    stdout: new PassThrough() as unknown as NodeJS.WriteStream,
    stderr: stderr as unknown as NodeJS.WriteStream,
    env: { NO_COLOR: '1' },
    signal: stop.signal,
  }
  return { context: new Context(io, {} as Runners, new Command()), stop, typed, err: () => err }
}

/** A recovery that asks until it is answered, or until its deadline has passed. */
function asks(question: QuestionJson, deadlineMs = 20_000) {
  const ends = Promise.withResolvers<EndJson>()
  let open: QuestionJson | undefined = question
  const timer = setTimeout(() => end(UNDONE), deadlineMs)
  const end = (with_: EndJson): void => {
    open = undefined
    clearTimeout(timer)
    ends.resolve(with_)
  }
  const answers: boolean[] = []
  const client = aClient({
    question: async () => open,
    answer: async (_, yes) => {
      answers.push(yes)
      end(yes ? DONE : UNDONE)
    },
  })
  return { client, running: ends.promise, answers, end }
}

async function until(what: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000
  while (!what()) {
    if (performance.now() > deadline) throw new Error('it never came')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const asked = (world: World) => until(() => world.err().includes('Go on with this plan?'))

describe('a person who is asked again in the middle of a change', () => {
  it.each([
    ['y\n', true, DONE],
    ['n\n', false, UNDONE],
    ['\n', false, UNDONE],
  ])('sees what differs, the plan and the deadline, and types %j', async (text, yes, expected) => {
    const world = atTerminal()
    const { client, running, answers } = asks(aQuestion({ at: 1000, until: 30_700 }))
    const end = answering(world.context, { client, id: 'r-9' }, running)
    await asked(world)
    expect(world.err()).toContain('! db3:3306 becomes the primary, not db2:3306')
    expect(world.err()).toContain('  1. open db3:3306')
    expect(world.err()).toContain('Else act 1 is taken back. (y/N, within 29s)')
    world.typed.write(text)
    expect(await end).toEqual(expected)
    expect(answers).toEqual([yes])
  })

  it('an interrupt is a no', async () => {
    const world = atTerminal()
    const { client, running, answers } = asks(aQuestion())
    const end = answering(world.context, { client, id: 'r-9' }, running)
    await asked(world)
    world.stop.abort()
    expect(await end).toEqual(UNDONE)
    expect(answers).toEqual([false])
  })

  it('an interrupt before the question is a no, too', async () => {
    const world = atTerminal()
    world.stop.abort()
    const { client, running, answers } = asks(aQuestion())
    expect(await answering(world.context, { client, id: 'r-9' }, running)).toEqual(UNDONE)
    expect(answers).toEqual([false])
  })

  it('silence answers nothing, and is asked no second time: the deadline of whoever asks decides', async () => {
    const world = atTerminal()
    const { client, running, answers } = asks(aQuestion({ at: 0, until: 1000 }), 1900)
    expect(await answering(world.context, { client, id: 'r-9' }, running)).toEqual(UNDONE)
    expect(answers).toEqual([])
    expect(world.err().split('Go on with this plan?')).toHaveLength(2)
  })

  it('somebody else answers: the terminal is left alone', async () => {
    const world = atTerminal()
    const { client, running, answers, end } = asks(aQuestion())
    const ended = answering(world.context, { client, id: 'r-9' }, running)
    await asked(world)
    end(DONE)
    expect(await ended).toEqual(DONE)
    expect(answers).toEqual([])
  })

  it('a recovery that asks nothing is only waited for, also where questions cannot be read; its failure is thrown', async () => {
    const world = atTerminal()
    const client = aClient({ question: () => Promise.reject(new Error('no')) })
    expect(await answering(world.context, { client, id: 'r-9' }, Promise.resolve(DONE))).toEqual(DONE)
    const lost = Promise.reject(new ProblemError(problem('still_running', { id: 'r-9', why: 'no answer' })))
    await expect(answering(world.context, { client, id: 'r-9' }, lost)).rejects.toThrow(ProblemError)
    expect(world.err()).toBe('')
  })
})
