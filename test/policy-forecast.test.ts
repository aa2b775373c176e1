import { expect, it } from 'vitest'
import { cluster } from '../src/config/fixture.testing.ts'
import { whatPolicyRefuses } from '../src/config/refusals.ts'
import { fenceDemand, unattainable } from '../src/decide/fence/proof.ts'
import { demandOn } from '../src/decide/recover/opening.ts'
import type { RouteConfig } from '../src/model/cluster.ts'
import { printDemand } from '../src/model/fence.ts'
import { DEFAULT_POLICY, type FencePolicy, type Policy, PROOF_LEVELS } from '../src/model/policy.ts'
import { A_SETTING, situationOf } from './simulate-situations.ts'

const ROUTE: RouteConfig = { kind: 'proxy', name: 'proxy', listen: { host: '0.0.0.0', port: 3307 }, spawn: false }
const FENCES: readonly FencePolicy[] = [
  { kind: 'default' },
  ...PROOF_LEVELS.map((level) => ({ kind: 'at_least', level }) as const),
]
const ENDS = [
  { end: 'silent', stopped: false, reachable: false },
  { end: 'refused', stopped: true, reachable: false },
  { end: 'answers', stopped: false, reachable: true },
] as const

const cases = FENCES.flatMap((fence) =>
  [false, true].flatMap((startsReadOnly) =>
    [false, true].flatMap((routesAreComplete) =>
      [[], [ROUTE]].flatMap((routes) =>
        ENDS.map((end) => ({
          end,
          routes,
          policy: { ...DEFAULT_POLICY, fence, startsReadOnly, routesAreComplete } satisfies Policy,
        })),
      ),
    ),
  ),
)

it('what the configuration forecasts of fencing is what the planner then decides, in every combination', () => {
  for (const { end, routes, policy } of cases) {
    const forecast = whatPolicyRefuses(cluster({ routes, policy })).find(
      (row) => row.question === 'fence' && row.situation === end.end,
    )
    const { demand } = fenceDemand(policy, end.end)
    const hopes = { stopped: end.stopped, reachable: end.reachable, routes: routes.map(({ name }) => name) }
    const refused = unattainable(demand, hopes, policy) !== undefined
    expect({ end: end.end, policy, forecast: forecast?.outcome }).toEqual({
      end: end.end,
      policy,
      forecast: refused ? 'refused' : 'goes_on',
    })
  }
})

it('of a living primary whose commits wait it forecasts the very demand that the planner makes, in every combination', () => {
  for (const { routes, policy } of cases.filter(({ end }) => end.end === 'answers')) {
    const forecast = whatPolicyRefuses(cluster({ routes, policy })).find(
      (row) => row.question === 'fence' && row.situation === 'answers',
    )
    const names = routes.map(({ name }) => name)
    const situation = { ...situationOf({ ...A_SETTING, subjectState: 'answers', routes: names }), policy }
    const { demand } = demandOn(situation, 'answers')
    const why = JSON.stringify({ policy, names, forecast })
    if (demand.atLeast !== 'none') expect(forecast?.because, why).toContain(printDemand(demand))
    const hopes = { stopped: false, reachable: true, routes: names }
    expect(forecast?.outcome === 'goes_on', why).toBe(unattainable(demand, hopes, policy) === undefined)
  }
})
