import { systemClock } from '../../src/adapters/system/clock.ts'
import { systemIds } from '../../src/adapters/system/ids.ts'
import { idsContract } from './ids.ts'

idsContract('the system', () => systemIds(systemClock()))
