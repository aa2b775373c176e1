import { expect, test } from 'vitest'
import { bypassers } from './bypassers-mariadb.ts'

const account = (user: string, host: string, bypasses: '0' | '1') => ({ user, host, bypasses })
const grant = (user: string, host: string, role: string) => ({ user, host, role })

test('trap 35: accounts write in spite of read-only by their own privilege, or by a role behind a role', () => {
  const accounts = [
    account('root', 'localhost', '1'),
    account('app', '%', '0'),
    account('ops', '%', '0'),
    account('writes', '', '1'),
    account('staff', '', '0'),
  ]
  const grants = [grant('ops', '%', 'staff'), grant('staff', '', 'writes')]
  const { users, everyone } = bypassers.read([accounts, grants])
  expect([...users].sort()).toEqual(['ops', 'root'])
  expect(everyone).toBe(false)
})

test("a privilege of PUBLIC is everybody's", () => {
  expect(bypassers.read([[account('PUBLIC', '', '1')], []]).everyone).toBe(true)
})
