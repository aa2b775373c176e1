/** More blows, by single keys, for as long as somebody sits there. */

import { SANDBOX_CLUSTER } from '../commands/sandbox-config.ts'
import type { Context } from '../context.ts'
import { failure, type Stage } from './stage.ts'
import { type Blow, bringBack, judge, pause, strike } from './story.ts'
import { returnedText, sayJudged } from './words.ts'

const HELP = '[k]ill  [f]reeze  [t]haw  [s]witchover  [q]uit'
const STATUS_EVERY_MS = 250
/** Between a recovery and the restart of the dead. */
const BREATH_MS = 2000

export async function play(stage: Stage, { stdin, signal }: Pick<Context['io'], 'stdin' | 'signal'>): Promise<void> {
  const { screen } = stage
  const player = new Player(stage)
  const { promise: over, resolve: quit } = Promise.withResolvers<void>()
  const onKey = (keys: Buffer): void => {
    for (const key of keys.toString()) {
      // In raw mode Ctrl-C and Ctrl-D are keys like others.
      if (key === 'q' || key === '\u0003' || key === '\u0004') quit()
      else player.press(key)
    }
  }
  signal.addEventListener('abort', () => quit(), { once: true })
  const drawing = setInterval(() => screen.status(player.status()), STATUS_EVERY_MS)
  stdin.setRawMode(true)
  stdin.on('data', onKey)
  stdin.resume()
  screen.title(`Your turn: ${HELP}`)
  try {
    await over
    await player.end()
  } finally {
    clearInterval(drawing)
    stdin.off('data', onKey)
    stdin.setRawMode(false)
    stdin.pause()
    screen.status('')
  }
}

class Player {
  readonly #stage: Stage
  #busy: string | undefined
  #work: Promise<void> = Promise.resolve()
  #frozen: Blow | undefined
  #seen = { acknowledged: 0, at: performance.now(), perSecond: 0 }

  constructor(stage: Stage) {
    this.#stage = stage
  }

  press(key: string): void {
    const act = this.#acts[key]
    if (act === undefined) return
    const { screen } = this.#stage
    if (this.#busy !== undefined) {
      screen.say(`  (${this.#busy}: wait)`)
      return
    }
    this.#busy = act.doing
    this.#work = act
      .run()
      .catch((error: unknown) => screen.say(`  ${error instanceof Error ? error.message : String(error)}`))
      .finally(() => {
        this.#busy = undefined
      })
  }

  /** What is under way is given its end: half a blow cannot be judged. */
  async end(): Promise<void> {
    this.#stage.screen.say('Quitting')
    await Promise.race([this.#work, pause(10_000, this.#stage.signal).catch(() => undefined)])
  }

  status(): string {
    const { load, latest, name } = this.#stage
    const { acknowledged, lastAckAgoMs, longestGapMs } = load.stats()
    const now = performance.now()
    if (now - this.#seen.at >= 1000) {
      const perSecond = ((acknowledged - this.#seen.acknowledged) * 1000) / (now - this.#seen.at)
      this.#seen = { acknowledged, at: now, perSecond }
    }
    const primary = latest?.primary === undefined ? 'no primary' : `${name(latest.primary)} leads`
    const silent = lastAckAgoMs > 100 ? ` · silent for ${Math.round(lastAckAgoMs)} ms` : ''
    const parts = [
      `${primary}, epoch ${latest?.epoch ?? '?'}`,
      `${acknowledged} acknowledged`,
      `${Math.max(0, Math.round(this.#seen.perSecond))}/s${silent}`,
      `longest pause ${Math.round(longestGapMs)} ms`,
    ]
    return `${parts.join(' · ')}   ${this.#busy ?? HELP}`
  }

  readonly #acts: Readonly<Record<string, { readonly doing: string; readonly run: () => Promise<void> }>> = {
    k: { doing: 'killing', run: () => this.#kill() },
    f: { doing: 'freezing', run: () => this.#freeze() },
    t: { doing: 'thawing', run: () => this.#thaw() },
    s: { doing: 'switching over', run: () => this.#switch() },
  }

  async #kill(): Promise<void> {
    const { screen, signal } = this.#stage
    screen.title('Another primary dies')
    const blow = await strike(this.#stage, 'kill')
    await this.#settle(blow)
    await pause(BREATH_MS, signal)
    await this.#back(blow)
  }

  async #freeze(): Promise<void> {
    const { screen } = this.#stage
    if (this.#frozen) throw failure(`${this.#frozen.victim} is frozen already: thaw it first (t)`)
    screen.title('The primary freezes: silent, but perhaps alive')
    const blow = await strike(this.#stage, 'freeze')
    this.#frozen = blow
    await this.#settle(blow)
  }

  async #thaw(): Promise<void> {
    const frozen = this.#frozen
    if (frozen === undefined) throw failure('nobody is frozen: freeze the primary first (f)')
    this.#frozen = undefined
    this.#stage.screen.title('The frozen one wakes')
    await this.#back(frozen)
  }

  async #settle(blow: Blow): Promise<void> {
    await this.#stage.load.renew()
    sayJudged(this.#stage.screen, await judge(this.#stage, blow.newPrimary), blow)
  }

  async #back(blow: Blow): Promise<void> {
    const { screen } = this.#stage
    const returned = await bringBack(this.#stage, blow)
    screen.flush()
    for (const line of returnedText(blow.victim, returned, this.#stage.name)) screen.say(line)
  }

  async #switch(): Promise<void> {
    const { screen, client, load } = this.#stage
    screen.title('A switchover: planned, without loss')
    screen.zero(Date.now())
    const started = performance.now()
    const end = await client.run(SANDBOX_CLUSTER, { verb: 'switchover', by: 'demo', reason: 'a key was pressed' })
    screen.flush()
    if (end.kind === 'refused') return end.reasons.forEach(({ says }) => void screen.say(`  refused: ${says}`))
    screen.say(`  ${this.#stage.name(end.says)}`)
    await this.#stage.until('a write after it', 15_000, async () => (load.stats().lastAckAgoMs < 50 ? true : undefined))
    const pauses = load.writer.gaps(0).filter(({ to }) => to >= started)
    screen.say(`  the writer paused for ${Math.round(Math.max(0, ...pauses.map(({ ms }) => ms)))} ms`)
  }
}
