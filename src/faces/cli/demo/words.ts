import type { Returned } from './facts.ts'
import type { Judged } from './load.ts'
import type { Screen } from './screen.ts'
import type { Blow } from './story.ts'

export function sayJudged(screen: Screen, { acknowledged, lost, contradicted }: Judged, { newPrimary }: Blow): void {
  screen.say(`  ${acknowledged} writes were acknowledged; ${lost.length} of them are not on ${newPrimary}`)
  for (const one of lost.slice(0, 20)) screen.say(`  lost: ${one}`)
  for (const one of contradicted.slice(0, 20)) screen.say(`  refused, and there all the same: ${one}`)
}

export function returnedText(victim: string, returned: Returned, name: (text: string) => string): readonly string[] {
  if (returned.kind === 'rejoined') return [`  ${victim} has nothing that the others lack: it follows the new primary`]
  if (returned.kind === 'not_yet') return [`  ${victim} did not find its place: ${name(returned.says)}`]
  return [
    `  ${victim} stays fenced: it takes no writes and follows nobody, because it has what nobody acknowledged:`,
    ...returned.errant.map((gtid) => `    ${gtid}`),
    `  (${name(returned.because)})`,
  ]
}
