/** What a failed look means, as a value. */
import { type Address, printAddress } from '../../model/address.ts'
import type { Instant } from '../../model/ids.ts'
import type { Look } from '../../model/look.ts'
import { type Problem, problem } from '../../model/problem.ts'
import { UnusableReply } from '../../mysql/cells.ts'
import { type Failure, SessionError } from '../../mysql/errors.ts'
import { missingPrivilege } from '../../mysql/privilege.ts'

export interface Asked {
  readonly address: Address
  readonly user: string
  readonly sentAt: Instant
  readonly at: Instant
}

export function lookOfError(error: unknown, asked: Asked): Look {
  if (error instanceof SessionError) return lookOfFailure(error.failure, asked)
  const what = error instanceof UnusableReply ? error.message : `${error}`
  return unusable(problem('reply_unusable', { server: printAddress(asked.address), what }), asked)
}

function lookOfFailure(failure: Failure, asked: Asked): Look {
  const { sentAt, at } = asked
  switch (failure.kind) {
    case 'refused':
    case 'closed':
    case 'silent':
      return { kind: failure.kind, sentAt, at, code: failure.code }
    case 'denied':
      return { kind: 'denied', sentAt, at, denial: failure.denial, errno: failure.errno, message: failure.message }
    case 'aborted':
      return { kind: 'silent', sentAt, at, code: failure.reason }
    case 'statement':
      return unusable(problemOfStatement(failure, asked), asked)
    case 'broken':
      return unusable(problem('reply_unusable', { server: printAddress(asked.address), what: failure.message }), asked)
  }
}

function problemOfStatement(failure: { readonly errno: number; readonly message: string }, asked: Asked): Problem {
  const server = printAddress(asked.address)
  const missing = missingPrivilege(failure.errno, failure.message)
  if (missing === undefined)
    return problem('reply_unusable', { server, what: `error ${failure.errno}: ${failure.message}` })
  const account = missing.account ?? `'${asked.user}'@'%'`
  return problem('privilege_missing', {
    server,
    user: asked.user,
    privilege: missing.privilege,
    on: missing.on,
    account,
  })
}

export function unusable(what: Problem, { sentAt, at }: Pick<Asked, 'sentAt' | 'at'>): Look {
  return { kind: 'unusable', sentAt, at, problem: what.says, tryThis: what.tryThis }
}
