import { randomBytes } from 'node:crypto'
import { clusterId, recoveryId } from '../../model/ids.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Ids } from '../../ports/ids.ts'

const SUFFIXES = 0x10000

/**
 * Recovery ids such as `r-20261121-141503-7f3a` (UTC). They sort by time also within one second and where the wall clock is set
 * back: an id never sorts before an earlier one of this process.
 */
export function systemIds(clock: Clock): Ids {
  let second = 0
  let suffix = 0
  return {
    cluster: () => clusterId(`c-${randomBytes(8).toString('hex')}`),
    recovery: () => {
      const now = Math.floor(clock.wall() / 1000)
      if (now > second) {
        second = now
        // The lower half only: a burst within this second still has room to count upwards.
        suffix = randomBytes(2).readUInt16BE(0) % (SUFFIXES / 2)
      } else if (suffix + 1 < SUFFIXES) suffix += 1
      else {
        second += 1
        suffix = 0
      }
      return recoveryId(`r-${printSecond(second)}-${suffix.toString(16).padStart(4, '0')}`)
    },
  }
}

function printSecond(second: number): string {
  const [day = '', time = ''] = new Date(second * 1000).toISOString().slice(0, 19).split('T')
  return `${day.replaceAll('-', '')}-${time.replaceAll(':', '')}`
}
