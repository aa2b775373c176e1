import { A_SCENE, type RegentProcess, Scene } from '../src/lab/simulate/index.ts'
import { type ChangeVerb, runCommand } from '../src/run/daemon/index.ts'
import { inOrder, type KilledAt, STORIES, type Story } from './simulate-stories.ts'

const command = (regent: RegentProcess, verb: ChangeVerb, server: string): void =>
  void runCommand(regent.keeper, { verb, server: `${server}:3306`, reason: 'test', by: 'ann', yes: true }).catch(
    () => undefined,
  )

const moved = (scene: Scene): boolean => inOrder(scene) && scene.primary()?.name !== 's1'

async function replaced(scene: Scene, how: 'kill' | 'freeze'): Promise<void> {
  scene.universe[how]('s1')
  await scene.timeline.run(() => moved(scene), 10_000)
  await scene.timeline.pass(3000)
}

/** The primary of the reign lives, takes writes, and clients are led there; who follows it is another matter. */
const isLed = (scene: Scene): boolean => {
  const primary = scene.primary()
  return !scene.openRecovery() && scene.led() && primary?.life === 'up' && primary.access === 'writable'
}

const isClosed = (scene: Scene): boolean =>
  scene.universe.named('s1').access !== 'writable' && scene.openRecovery() === undefined

const switchoverTo = (server: string): Pick<Story, 'begin' | 'settled'> => ({
  begin: (_, regent) => command(regent, 'switchover', server),
  settled: inOrder,
})

/** Smaller and greater clusters, and what happens to servers that come back. */
export const MORE_STORIES: readonly Story[] = [
  {
    name: 'failover of one of two',
    options: { servers: 2 },
    begin: (scene) => scene.universe.kill('s1'),
    settled: moved,
  },
  { name: 'switchover of one of two', options: { servers: 2 }, ...switchoverTo('s2') },
  { name: 'switchover where all have to acknowledge', options: { waitCount: 2 }, ...switchoverTo('s3') },
  { name: 'switchover without semi-sync', options: { waitCount: 0 }, ...switchoverTo('s2') },
  {
    name: 'failover, and then the new primary dies',
    options: { servers: 4 },
    begin: (scene) => {
      scene.universe.kill('s1')
      scene.timeline.after(400, () => {
        const next = scene.universe.servers.find((s) => s.name !== 's1' && s.access === 'writable')
        if (next) scene.universe.kill(next.name)
      })
      // A Regent that never saw the primary alive waits until everybody else answers.
      scene.timeline.after(3000, () => scene.universe.restart('s1'))
      // A winner that was minted and died before it opened is waited for where only it received something.
      scene.timeline.after(9000, () => {
        for (const server of scene.universe.servers) if (server.life === 'down') scene.universe.restart(server.name)
      })
    },
    settled: (scene) => isLed(scene) && scene.universe.named('s1').startedAt > 0,
  },
  {
    name: 'return of a primary that was born writable',
    options: { startsReadOnly: false },
    before: (scene) => replaced(scene, 'kill'),
    begin: (scene) => scene.universe.restart('s1'),
    settled: (scene) => inOrder(scene) && scene.universe.named('s1').life === 'up',
  },
  {
    name: 'return of a primary that was frozen',
    options: {},
    before: (scene) => replaced(scene, 'freeze'),
    begin: (scene) => scene.universe.thaw('s1'),
    settled: (scene) => inOrder(scene) && scene.universe.named('s1').life === 'up',
  },
  {
    name: 'unfence',
    options: {},
    before: async (scene) => {
      const [regent] = scene.processes
      if (regent) command(regent, 'fence', 's1')
      await scene.timeline.run(() => isClosed(scene), 5000)
      await scene.timeline.pass(1000)
    },
    begin: (_, regent) => command(regent, 'unfence', 's1'),
    again: (_, regent) => command(regent, 'unfence', 's1'),
    settled: inOrder,
  },
]

export const ALL_STORIES: readonly Story[] = [...STORIES, ...MORE_STORIES]

export interface Outlived {
  /** Points that each Regent passed, the last one's included. */
  readonly points: readonly number[]
  readonly wrong: readonly string[]
  readonly scene: Scene
}

/** Runs a story in which one Regent after the other is killed at its point, until one is left to finish it. */
export async function outlive(
  story: Story,
  flavour: 'mysql' | 'mariadb',
  kills: readonly KilledAt[],
): Promise<Outlived> {
  const scene = new Scene({ ...A_SCENE, flavour, ...story.options })
  let regent = scene.options.closed ? await scene.regent() : await scene.steady()
  if (scene.options.closed) await scene.timeline.pass(2000)
  await story.before?.(scene)
  regent.life.count(kills[0])
  story.begin(scene, regent)
  const points: number[] = []
  for (const [number, killed] of [...kills, undefined].entries()) {
    if (number > 0) regent = await successor(scene, story, killed)
    const last = regent
    await scene.timeline.run(() => last.life.dead || story.settled(scene), 40_000)
    if (!last.life.dead) await scene.timeline.pass(1500)
    points.push(last.life.points.length)
    if (!last.life.dead) break
    await scene.timeline.pass(killed?.pauseMs ?? 0)
  }
  return { points, wrong: await wrongWith(scene, story), scene }
}

async function successor(scene: Scene, story: Story, killed: KilledAt | undefined): Promise<RegentProcess> {
  const next = scene.launch()
  next.life.count(killed)
  await scene.timeline.pass(1200)
  if (!next.life.dead && !story.settled(scene) && !scene.openRecovery()) story.again?.(scene, next)
  return next
}

async function wrongWith(scene: Scene, story: Story): Promise<readonly string[]> {
  await scene.timeline.run(() => story.settled(scene), 10_000)
  const wrong = [...scene.promises.broken]
  if (!story.settled(scene)) wrong.push('it never came to its end')
  if (!(await scene.writable(5000))) wrong.push('clients cannot write')
  const primary = scene.primary()
  const lost = primary ? scene.lostOn(primary) : 0
  if (lost > 0) wrong.push(`${lost} acknowledged transactions are lost`)
  for (const process of scene.processes) for (const error of process.broken) wrong.push(`broke out: ${String(error)}`)
  return wrong
}
