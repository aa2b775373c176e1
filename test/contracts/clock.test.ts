import { systemClock } from '../../src/adapters/system/clock.ts'
import { clockContract } from './clock.ts'

clockContract('the system', async () => ({ clock: systemClock(), [Symbol.asyncDispose]: async () => undefined }))
