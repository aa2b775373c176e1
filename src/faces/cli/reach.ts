import { type ExitCode, type Problem, problem } from '../../model/problem.ts'
import type { ClusterJson } from '../api/contract.ts'

/** Where no server serves us there is nothing to show and nothing to plan: why, each reason once; undefined where one does. */
export function darkness({ alias, servers }: ClusterJson): Problem | undefined {
  if (servers.some((s) => s.look === 'answered')) return undefined
  const why = [...new Set(servers.map((s) => s.why?.says ?? `${s.address} ${s.look}`))].join('; ')
  return { ...problem('nothing_answers', { cluster: alias, why }), exit: exitOf(new Set(servers.map((s) => s.look))) }
}

/** 4: somebody is not reached, whatever the others say. 5: all that are reached keep us out. */
function exitOf(looks: ReadonlySet<string>): ExitCode {
  if (looks.size === 0 || UNREACHED.some((look) => looks.has(look))) return 4
  return looks.has('denied') ? 5 : 1
}

const UNREACHED = ['refused', 'silent', 'closed'] as const
