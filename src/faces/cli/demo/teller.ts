/** Tells what the daemon reports, in lines for people. Each thing is told once, however often it is reported. */
import type { EventJson, RecoveryJson } from '../../api/contract.ts'
import type { Screen } from './screen.ts'

/** Facts that show what was seen of the primary, and by whom; the others are the same in every incident. */
const TELLING: ReadonlySet<string> = new Set(['primary', 'hearing', 'proof', 'access'])
const LONGEST_READING = 110

export class Teller {
  readonly #screen: Screen
  readonly #name: (text: string) => string
  readonly #told = new Set<string>()

  /** `name` puts the sandbox's short names in the place of addresses. */
  constructor(screen: Screen, name: (text: string) => string) {
    this.#screen = screen
    this.#name = name
  }

  take(event: EventJson): void {
    switch (event.kind) {
      case 'verdict':
        this.#verdict(event)
        return
      case 'recovery':
        this.#recovery(event.recovery)
        return
      case 'refused':
        // Regent tries again every few seconds, and says so each time.
        for (const { says, tryThis } of event.reasons)
          if (this.#first(`refused/${event.what}/${says}`))
            this.#at(event.at, `${event.what} refused: ${says}`, `try: ${tryThis}`)
        return
      case 'trouble':
        this.#at(event.at, `trouble: ${event.says}`)
        return
      case 'cluster':
      case 'writer':
        return
    }
  }

  #verdict({ at, diagnosis }: Extract<EventJson, { readonly kind: 'verdict' }>): void {
    const { verdict, because, evidence, remedy } = diagnosis.primary
    if (remedy !== 'none')
      for (const { fact, value, readings } of evidence.filter(
        (one) => TELLING.has(one.fact) && one.readings.length > 0,
      ))
        this.#at(at - 0.5, `evidence: ${fact} ${value}`, ...readings.map(shorten))
    this.#at(at, `verdict: ${verdict} (${because})`)
  }

  #recovery(recovery: RecoveryJson): void {
    const { id, kind, plans, steps, endedAt, state } = recovery
    for (const plan of plans) {
      if (!this.#first(`${id}/plan/${plan.act}`) || plan.steps.length === 0) continue
      const fence = plan.fence.demand.atLeast === 'none' ? '' : `; old primary must be: ${plan.fence.demand.atLeast}`
      const planned = steps
        .filter(({ key }) => key.startsWith(`${plan.act}/`))
        .map((step) => step.startedAt ?? Infinity)
      const at = Math.min(...planned, recovery.endedAt ?? Infinity, Date.now())
      this.#at(at - 0.1, `${kind}, act ${plan.act}: ${count(plan.steps.length)}${fence} (${plan.because})`)
    }
    for (const step of steps) {
      if (step.state === 'started' || step.startedAt === undefined || !this.#first(`${id}/${step.key}`)) continue
      const took = step.tookMs ?? 0
      const mark = step.state === 'done' ? '' : `${step.state}: `
      this.#at(step.startedAt + took, `  ${step.line}: ${mark}${step.says ?? ''} (${Math.round(took)} ms)`)
    }
    if (endedAt !== undefined && this.#first(`${id}/end`)) this.#at(endedAt + 0.9, `${kind} ${state}`)
  }

  #first(key: string): boolean {
    if (this.#told.has(key)) return false
    this.#told.add(key)
    return true
  }

  #at(wall: number, text: string, ...below: readonly string[]): void {
    const lines = [text, ...below.map((line) => `${' '.repeat(14)}${line}`)]
    this.#screen.at(wall, lines.map(this.#name).join('\n'))
  }
}

const shorten = (text: string): string =>
  text.length > LONGEST_READING ? `${text.slice(0, LONGEST_READING - 1)}…` : text

/**
 * Addresses and ids of servers become the names that `sandbox` calls them by. Not in GTIDs: `s1:484` would be none, and MySQL's ids
 * are part of them.
 */
export function namer(names: ReadonlyMap<string, string>): (text: string) => string {
  const known = [...names.keys()].sort((a, b) => b.length - a.length).map((text) => RegExp.escape(text))
  if (known.length === 0) return (text) => text
  const pattern = new RegExp(`(${known.join('|')})(?!\\d|:\\d)`, 'g')
  return (text) => text.replace(pattern, (found) => names.get(found) ?? found)
}

const count = (steps: number): string => (steps === 1 ? 'one step' : `${steps} steps`)
