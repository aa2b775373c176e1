import { printed, type Question, type Row } from '../change/question.ts'
import type { Bypassers } from '../change/state.ts'

/**
 * SUPER, and READ_ONLY ADMIN as it is stored on disk since 10.5. SUPER counts on every version: before 10.11 it contains the other, and
 * one account too many costs that account's sessions, one too few its writes.
 */
const BYPASSING = 2 ** 15 + 2 ** 33

/** The privileges of all accounts and roles. Who may take a role counts, also while it is not active: SET ROLE needs no login. */
export const bypassers: Question<Bypassers> = {
  statements: [
    `SELECT User AS user, Host AS host, JSON_VALUE(Priv, '$.is_role') AS role, (CAST(JSON_VALUE(Priv, '$.access') AS UNSIGNED) & ${BYPASSING}) <> 0 AS bypasses FROM mysql.global_priv`,
    'SELECT User AS user, Host AS host, Role AS role FROM mysql.roles_mapping',
  ],
  read: ([accounts = [], grants = []]) => {
    const holders = closure(accounts.filter((row) => printed(row, 'bypasses') === '1').map(named), grants)
    const users = [...holders].filter((name) => !isRole(name)).map((name) => name.slice(0, name.lastIndexOf('@')))
    return { users: new Set(users), everyone: holders.has('PUBLIC@') }
  },
}

const isRole = (name: string): boolean => name.endsWith('@')

/** Roles have no host, and are told from accounts by that. */
const named = (row: Row): string => `${printed(row, 'user')}@${printed(row, 'host')}`

/** Whoever has one of these roles has it too, through as many roles as there are between. */
function closure(first: readonly string[], grants: readonly Row[]): ReadonlySet<string> {
  const holders = new Set(first)
  for (let before = -1; before < holders.size; ) {
    before = holders.size
    for (const grant of grants) if (holders.has(`${printed(grant, 'role')}@`)) holders.add(named(grant))
  }
  return holders
}
