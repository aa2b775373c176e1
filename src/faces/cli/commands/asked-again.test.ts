import { PassThrough } from 'node:stream'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { aClient, aQuestion } from '../../../../test/made-up.ts'
import { ProblemError, problem } from '../../../model/problem.ts'
import type { Client, EndJson, QuestionJson } from '../../api/contract.ts'
import { Context } from '../context.ts'
import type { Runners } from '../runners.ts'
import { type Awaited, ending } from './asked-again.ts'

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

const here = (client: Client): Awaited => ({ client, where: 'here', id: 'r-9', asks: true })

const asked = (world: World) => until(() => world.err().includes('Go on with this plan?'))

describe('a person who is asked again in the middle of a change', () => {
  it.each([
    ['y\n', true, DONE],
    ['n\n', false, UNDONE],
    ['\n', false, UNDONE],
  ])('sees what differs, the plan and the deadline, and types %j', async (text, yes, expected) => {
    const world = atTerminal()
    const { client, running, answers } = asks(aQuestion({ at: 1000, until: 30_700 }))
    const end = ending(world.context, here(client), running)
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
    const end = ending(world.context, here(client), running)
    await asked(world)
    world.stop.abort()
    expect(await end).toEqual(UNDONE)
    expect(answers).toEqual([false])
  })

  it('an interrupt before the question is a no, too', async () => {
    const world = atTerminal()
    world.stop.abort()
    const { client, running, answers } = asks(aQuestion())
    expect(await ending(world.context, here(client), running)).toEqual(UNDONE)
    expect(answers).toEqual([false])
  })

  it('silence answers nothing, and is asked no second time: the deadline of whoever asks decides', async () => {
    const world = atTerminal()
    const { client, running, answers } = asks(aQuestion({ at: 0, until: 1000 }), 1900)
    expect(await ending(world.context, here(client), running)).toEqual(UNDONE)
    expect(answers).toEqual([])
    expect(world.err().split('Go on with this plan?')).toHaveLength(2)
  })

  it('somebody else answers: the terminal is left alone', async () => {
    const world = atTerminal()
    const { client, running, answers, end } = asks(aQuestion())
    const ended = ending(world.context, here(client), running)
    await asked(world)
    end(DONE)
    expect(await ended).toEqual(DONE)
    expect(answers).toEqual([])
  })

  it('a recovery that asks nothing is only waited for, also where questions cannot be read; its failure is thrown', async () => {
    const world = atTerminal()
    const client = aClient({ question: () => Promise.reject(new Error('no')) })
    expect(await ending(world.context, here(client), Promise.resolve(DONE))).toEqual(DONE)
    const lost = Promise.reject(new ProblemError(problem('still_running', { id: 'r-9', why: 'no answer' })))
    await expect(ending(world.context, here(client), lost)).rejects.toThrow(ProblemError)
    expect(world.err()).toBe('')
  })
})

describe('whoever interrupts a change', () => {
  it('is told at once what goes on, under which id, and what the next interrupt leaves; then how it ended', async () => {
    const world = atTerminal()
    const running = Promise.withResolvers<EndJson>()
    const end = ending(world.context, { ...here(aClient()), asks: false }, running.promise)
    world.stop.abort()
    await until(() => world.err().includes('regent history r-9'))
    expect(world.err()).toContain('recovery r-9 goes on until it is done or taken back')
    expect(world.err()).toContain('the next regent command that changes something, or a regent watch, finishes it')
    running.resolve(DONE)
    expect(await end).toEqual(DONE)
  })

  it('does not wait for a daemon, which goes on by itself: exit 6 with the id', async () => {
    const world = atTerminal()
    const awaited: Awaited = { ...here(aClient()), where: 'daemon', asks: false }
    const end = ending(world.context, awaited, new Promise(() => undefined))
    world.stop.abort()
    await expect(end).rejects.toMatchObject({ problem: { code: 'still_running', exit: 6 } })
    await expect(end).rejects.toThrow(/recovery r-9 is not finished: .* goes on with it/)
  })

  it('has said no to a daemon that was asking, before they leave', async () => {
    const world = atTerminal()
    const { client, answers } = asks(aQuestion())
    const end = ending(world.context, { ...here(client), where: 'daemon' }, new Promise(() => undefined))
    await asked(world)
    world.stop.abort()
    await expect(end).rejects.toThrow('r-9 is not finished')
    expect(answers).toEqual([false])
  })

  it('after the end is told nothing', async () => {
    const world = atTerminal()
    await ending(world.context, here(aClient()), Promise.resolve(DONE))
    world.stop.abort()
    expect(world.err()).toBe('')
  })
})
