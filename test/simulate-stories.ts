import { A_SCENE, type Ending, type RegentProcess, Scene, type SceneOptions } from '../src/lab/simulate/index.ts'
import { type Command, runCommand } from '../src/run/daemon/index.ts'

/** Something that Regent does, from a steady state to its end. */
export interface Story {
  readonly name: string
  readonly options: Partial<SceneOptions>
  /** The state from which it begins. */
  readonly before?: (scene: Scene) => Promise<void>
  /** What makes Regent begin. */
  readonly begin: (scene: Scene, regent: RegentProcess) => void
  /** A person repeats a command whose Regent died before it had begun. */
  readonly again?: (scene: Scene, regent: RegentProcess) => void
  readonly settled: (scene: Scene) => boolean
}

const by = { reason: 'test', by: 'ann' } as const
const command = (regent: RegentProcess, order: Omit<Command, 'reason' | 'by'>): void =>
  void runCommand(regent.keeper, { ...order, ...by }).catch(() => undefined)

/** The reign is open, its primary takes writes, every route leads to it, and every other living server follows it. */
export function inOrder(scene: Scene): boolean {
  const primary = scene.primary()
  if (scene.openRecovery() || scene.reign()?.state !== 'open' || !scene.led()) return false
  if (primary?.life !== 'up' || primary.access !== 'writable') return false
  return scene.universe.servers
    .filter((s) => s !== primary && s.life === 'up')
    .every(
      (s) =>
        s.access !== 'writable' &&
        s.channel?.source.host === primary.name &&
        s.channel.receiver === 'running' &&
        s.channel.applier === 'running',
    )
}

export const STORIES: readonly Story[] = [
  {
    name: 'failover',
    options: {},
    begin: (scene) => scene.universe.kill('s1'),
    settled: (scene) => inOrder(scene) && scene.primary()?.name !== 's1',
  },
  {
    name: 'failover of a frozen primary',
    options: {},
    begin: (scene) => scene.universe.freeze('s1'),
    settled: (scene) => inOrder(scene) && scene.primary()?.name !== 's1',
  },
  {
    name: 'switchover',
    options: {},
    begin: (_, regent) => command(regent, { verb: 'switchover', server: 's2:3306' }),
    settled: inOrder,
  },
  {
    name: 'adopt --open',
    options: { closed: true },
    begin: (_, regent) => command(regent, { verb: 'adopt', open: true }),
    again: (_, regent) => command(regent, { verb: 'adopt', open: true }),
    settled: inOrder,
  },
  {
    name: 'rejoin',
    options: {},
    before: async (scene) => {
      scene.universe.kill('s1')
      await scene.timeline.run(() => inOrder(scene) && scene.primary()?.name !== 's1', 10_000)
      await scene.timeline.pass(3000)
    },
    begin: (scene) => scene.universe.restart('s1'),
    settled: (scene) => inOrder(scene),
  },
]

export interface KilledAt {
  readonly at: number
  readonly how: Ending
  /** Until the next Regent is started, ms. */
  readonly pauseMs: number
}

export interface Told {
  readonly points: readonly string[]
  readonly wrong: readonly string[]
  readonly scene: Scene
}

/** Runs a story, with Regent killed at one point of it, or not at all; and what was wrong in the end. */
export async function play(story: Story, flavour: 'mysql' | 'mariadb', killed?: KilledAt): Promise<Told> {
  const scene = new Scene({ ...A_SCENE, flavour, ...story.options })
  const regent = scene.options.closed ? await started(scene) : await scene.steady()
  await story.before?.(scene)
  regent.life.count(killed)
  story.begin(scene, regent)
  const ended = (): boolean => regent.life.dead || story.settled(scene)
  await scene.timeline.run(ended, 30_000)
  if (!regent.life.dead) await scene.timeline.pass(1500)
  const points = [...regent.life.points]
  if (regent.life.dead && killed) {
    await scene.timeline.pass(killed.pauseMs)
    const next = await scene.regent()
    await scene.timeline.pass(600)
    if (story.again && scene.reign() === undefined) story.again(scene, next)
    await scene.timeline.run(() => story.settled(scene), 30_000)
    await scene.timeline.pass(2500)
  }
  return { points, wrong: await wrongWith(scene, story), scene }
}

async function started(scene: Scene): Promise<RegentProcess> {
  const regent = await scene.regent()
  await scene.timeline.pass(2000)
  return regent
}

async function wrongWith(scene: Scene, story: Story): Promise<readonly string[]> {
  const wrong = [...scene.promises.broken]
  if (!story.settled(scene)) wrong.push('it never came to its end')
  if (!(await scene.writable(5000))) wrong.push('clients cannot write')
  const primary = scene.primary()
  const lost = primary ? scene.lostOn(primary) : 0
  if (lost > 0) wrong.push(`${lost} acknowledged transactions are lost`)
  for (const process of scene.processes) for (const error of process.broken) wrong.push(`broke out: ${String(error)}`)
  return wrong
}
