import { named } from '../../model/naming.ts'
import type { RefusalReason } from '../../model/plan.ts'
import type { EndJson } from './contract.ts'

type Names = Readonly<Record<string, string>>

/** What people read, with servers named by their addresses. */
export const namedReasons = (reasons: readonly RefusalReason[], names: Names): readonly RefusalReason[] =>
  reasons.map((reason) => ({
    ...reason,
    says: named(reason.says, names),
    tryThis: named(reason.tryThis, names),
  }))

export function namedEnd(end: EndJson, names: Names): EndJson {
  if (end.kind === 'refused') return { ...end, reasons: namedReasons(end.reasons, names) }
  const says = named(end.says, names)
  return end.kind === 'done' ? { ...end, says, left: end.left.map((line) => named(line, names)) } : { ...end, says }
}
