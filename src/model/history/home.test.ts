import { expect, test } from 'vitest'
import { parseBinlogState, parsePosition } from '../gtid/mariadb-position.ts'
import { gtidSet } from '../gtid/mysql-text.ts'
import { compareReceived, type History } from '../history.ts'
import { serverId } from '../ids.ts'
import { homePart } from './home.ts'

const A = '11111111-1111-1111-1111-111111111111'
const B = '22222222-2222-2222-2222-222222222222'
const FOREIGN = '99999999-9999-9999-9999-999999999999'

const mysql = (executed: string): History => ({
  kind: 'mysql',
  executed: gtidSet(executed),
  received: gtidSet(executed),
  purged: gtidSet(''),
})

function mariadb(serverId: number, state: string, slavePos: string): History {
  const binlogState = parseBinlogState(state)
  const position = parsePosition(slavePos)
  if (!binlogState.ok || !position.ok) throw new Error('unreadable')
  const ioPos = [position.value]
  return {
    kind: 'mariadb',
    serverId,
    binlogState: binlogState.value,
    slavePos: position.value,
    ioPos,
    logsReplicaUpdates: true,
    strict: true,
  }
}

test('what came from another cluster makes a replica neither ahead nor parted', () => {
  const primary = mysql(`${A}:1-10`)
  const other = mysql(`${A}:1-10`)
  const both = mysql(`${A}:1-9,${FOREIGN}:1-500`)
  expect(compareReceived(both, other)).toBe('diverged')
  expect(compareReceived(homePart(both, primary, [serverId(A), serverId(B)]), other)).toBe('behind')
})

test('what a member wrote itself stays in: it is errant, not foreign', () => {
  const own = mysql(`${A}:1-10,${B}:1`)
  expect(homePart(own, mysql(`${A}:1-10`), [serverId(A), serverId(B)])).toEqual(own)
})

test('on MariaDB by domain', () => {
  const primary = mariadb(1, '0-1-10', '')
  const both = mariadb(3, '9-99-7,0-1-9', '0-1-9,9-99-7')
  expect(homePart(both, primary, [])).toEqual(mariadb(3, '0-1-9', '0-1-9'))
  expect(homePart(both, mariadb(1, '', ''), [])).toEqual(mariadb(3, '', ''))
  const own = mariadb(3, '7-3-1,9-99-7', '9-99-7')
  expect(homePart(own, mariadb(1, '', ''), [])).toEqual(mariadb(3, '7-3-1', ''))
})
