import { describe, expect, it } from 'vitest'
import { type FenceDemand, satisfies } from '../../model/fence.ts'
import { clusterId, epoch, recoveryId, type ServerId, serverId } from '../../model/ids.ts'
import type { Plan, Risk } from '../../model/plan.ts'
import { PROOF_LEVELS } from '../../model/policy.ts'
import type { Step } from '../../model/step.ts'
import { COVERED_BY_YES, differences, isAsShown, isWeaker } from './differs.ts'

const [OLD, DB2, DB3] = [serverId('db1'), serverId('db2'), serverId('db3')]

interface Wish {
  readonly winner: ServerId
  readonly others: readonly ServerId[]
  readonly risks: readonly Risk[]
  readonly waitCount: number
  readonly demand: FenceDemand
}
const WISH: Wish = {
  winner: DB2,
  others: [DB3],
  risks: [],
  waitCount: 1,
  demand: { atLeast: 'stopped', alsoRoutes: false },
}

const common = { after: [], deadlineMs: 1000, ifItFails: 'stop' } as const

function act2({ winner, others, risks, waitCount, demand }: Wish): Plan {
  const attached = others.map(
    (server): Step => ({
      kind: 'attach',
      id: `attach:${server}`,
      server,
      channel: '',
      to: winner,
      keepRelayLog: true,
      ...common,
    }),
  )
  const source: Step = {
    kind: 'semi_sync_source',
    id: `source:${winner}`,
    server: winner,
    to: waitCount > 0 ? 'on' : 'off',
    waitCount,
    ...common,
  }
  return {
    version: 1,
    recovery: recoveryId('r-1'),
    cluster: clusterId('c-1'),
    kind: 'failover',
    act: 2,
    subject: OLD,
    mints: { epoch: epoch(2), winner, semiSync: { kind: 'on', waitCount: 1, waitPoint: 'after_sync' } },
    steps: [...attached, source, { kind: 'open_server', id: `open:${winner}`, server: winner, ...common }],
    ranking: [],
    risks,
    fence: { demand, because: 'so' },
    because: 'so',
  }
}

const between = (shown: Partial<Wish>, real: Partial<Wish>) =>
  differences(act2({ ...WISH, ...shown }), act2({ ...WISH, ...real }))
const kinds = (shown: Partial<Wish>, real: Partial<Wish>): readonly string[] => between(shown, real).map((d) => d.kind)

const unproven = (seconds?: number): Risk => ({
  code: 'unproven_loss',
  says: `${seconds ?? 'nobody knows how many'} s may be lost`,
  ...(seconds === undefined ? {} : { seconds }),
})
const fewer = (winner: ServerId): Risk => ({ code: 'fewer_ackers', says: `0 of 1 ackers can be attached to ${winner}` })
const leftOut: Risk = { code: 'acker_left_out', says: 'db9 does not count' }

const WINNERS: readonly (readonly [ServerId, readonly ServerId[]])[] = [
  [DB2, [DB3]],
  [DB3, [DB2]],
  [DB2, []],
]
const RISKS: readonly (readonly Risk[])[] = [[], [unproven(3)], [unproven(9)], [unproven()], [leftOut]]
const DEMANDS: readonly FenceDemand[] = PROOF_LEVELS.flatMap((atLeast) => [
  { atLeast, alsoRoutes: false },
  { atLeast, alsoRoutes: true },
])
const WISHES: readonly Wish[] = WINNERS.flatMap(([winner, others]) =>
  RISKS.flatMap((risks) =>
    [0, 1].flatMap((waitCount) => DEMANDS.map((demand) => ({ winner, others, risks, waitCount, demand }))),
  ),
)

/** In words of its own, for every pair: what a person would have to be told. */
function expected(shown: Wish, real: Wish): readonly string[] {
  const part = (wish: Wish) => [wish.winner, ...wish.others]
  const worst = (risks: readonly Risk[]): number =>
    Math.max(0, ...risks.map((r) => r.seconds ?? Number.POSITIVE_INFINITY))
  const lossOf = (risks: readonly Risk[]) => worst(risks.filter((r) => r.code === 'unproven_loss'))
  const more =
    lossOf(real.risks) > lossOf(shown.risks) + 1 || (real.risks.includes(leftOut) && !shown.risks.includes(leftOut))
  return [
    ...(shown.winner === real.winner ? [] : ['other_winner']),
    ...part(shown)
      .filter((s) => !part(real).includes(s))
      .map(() => 'left_out'),
    ...(more ? ['more_loss'] : []),
    ...(real.waitCount < shown.waitCount ? ['fewer_acks'] : []),
    ...(isWeaker(real.demand, shown.demand) ? ['weaker_fence'] : []),
  ]
}

describe('the real act 2 against the one that was shown', () => {
  it('by enumeration: exactly what is another, or costs more, is a difference', () => {
    for (const shown of WISHES)
      for (const real of WISHES) {
        const found = differences(act2(shown), act2(real)).map((d) => d.kind)
        if (found.join() !== expected(shown, real).join())
          expect(found, JSON.stringify([shown, real])).toEqual(expected(shown, real))
      }
    expect(WISHES.length).toBe(300)
  })

  it('the same plan differs in nothing, nor does a better one', () => {
    expect(between({}, {})).toEqual([])
    const worse = { risks: [unproven(9), leftOut], waitCount: 0, others: [] }
    expect(between({ ...worse, demand: { atLeast: 'routes', alsoRoutes: false } }, {})).toEqual([])
  })

  it('says it in words, servers by id', () => {
    const worse = { winner: DB3, others: [], risks: [unproven(9)], waitCount: 0 }
    expect(between({}, { ...worse, demand: { atLeast: 'none', alsoRoutes: false } }).map((d) => d.says)).toEqual([
      'db3 becomes the primary, not db2',
      'db2 is left out: it was not sealed in time, or does not answer',
      '9 s may be lost',
      'commits wait for 0 acknowledgements, not 1',
      'of the old primary none is demanded, not stopped',
    ])
  })

  it('a risk that names the winner is the same risk with another winner; one of another server is not', () => {
    const about = (server: string): Risk => ({ code: 'slow', says: `${server} is slow` })
    expect(kinds({ risks: [about(DB2)] }, { winner: DB3, others: [DB2], risks: [about(DB3)] })).toEqual([
      'other_winner',
    ])
    expect(kinds({ risks: [about('db8')] }, { risks: [about('db9')] })).toEqual(['more_loss'])
  })

  it('fewer ackers are judged by what commits wait for, whatever the risk says', () => {
    expect(kinds({ risks: [fewer(DB2)], waitCount: 0 }, { risks: [fewer(DB3)], waitCount: 0 })).toEqual([])
    expect(kinds({}, { risks: [fewer(DB2)], waitCount: 0 })).toEqual(['fewer_acks'])
  })

  it('an age that moved by a round of looks is no difference; one without a measure covers all', () => {
    expect(kinds({ risks: [unproven(3)] }, { risks: [unproven(3.9)] })).toEqual([])
    expect(kinds({ risks: [unproven(3)] }, { risks: [unproven(4.1)] })).toEqual(['more_loss'])
    expect(kinds({ risks: [unproven()] }, { risks: [unproven(3600)] })).toEqual([])
    expect(kinds({ risks: [unproven(3600)] }, { risks: [unproven()] })).toEqual(['more_loss'])
  })

  it('where a refusal was shown, nobody agreed to anything', () => {
    expect(differences(undefined, act2(WISH)).map((d) => d.kind)).toEqual(['was_refused'])
  })

  it('a yes given beforehand covers who it is, never what it costs', () => {
    const covered = Object.entries(COVERED_BY_YES).filter(([, yes]) => yes)
    expect(covered.map(([kind]) => kind)).toEqual(['other_winner', 'left_out'])
  })
})

describe('a weaker demand', () => {
  it('is one that some proof meets which would not have met the other', () => {
    const proofs = Array.from({ length: 2 ** PROOF_LEVELS.length }, (_, bits) =>
      PROOF_LEVELS.filter((_, i) => (bits >> i) & 1),
    )
    for (const one of DEMANDS)
      for (const other of DEMANDS)
        expect(isWeaker(one, other), JSON.stringify([one, other])).toBe(
          proofs.some((proven) => satisfies(proven, one) && !satisfies(proven, other)),
        )
  })

  it.each([
    ['routes', false, 'stopped', false, true],
    ['stopped', false, 'routes', false, false],
    ['stopped', false, 'stopped', true, true],
    ['stopped', true, 'stopped', false, false],
    ['off', false, 'stopped', true, false],
    ['readonly', false, 'routes', true, true],
    ['none', true, 'none', false, false],
  ] as const)('%s (routes: %s) instead of %s (routes: %s): %s', (one, r1, other, r2, weaker) => {
    expect(isWeaker({ atLeast: one, alsoRoutes: r1 }, { atLeast: other, alsoRoutes: r2 })).toBe(weaker)
  })
})

describe('an act that is about to begin is as shown', () => {
  const shown = act2(WISH)
  it.each([
    ['the same', act2(WISH), true],
    ['less risk, stronger fence', act2({ ...WISH, demand: { atLeast: 'off', alsoRoutes: false } }), true],
    ['more risk in the same steps', act2({ ...WISH, risks: [leftOut] }), false],
    ['a weaker fence in the same steps', act2({ ...WISH, demand: { atLeast: 'routes', alsoRoutes: false } }), false],
    ['other steps', act2({ ...WISH, others: [] }), false],
    ['another subject', { ...act2(WISH), subject: DB3 }, false],
  ])('%s: %s', (_, real, same) => {
    expect(isAsShown(shown, real)).toBe(same)
  })
})
