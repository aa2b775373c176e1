/** The model keeps the contracts that real stores, clocks, routes and servers keep. */
import { Durable } from '../src/lab/simulate/durable.ts'
import { modelIds } from '../src/lab/simulate/ids.ts'
import { announcerContract } from './contracts/announcers.ts'
import { clockContract } from './contracts/clock.ts'
import { idsContract } from './contracts/ids.ts'
import { journalContract } from './contracts/journal.ts'
import { leaseContract } from './contracts/lease.ts'
import { modelServersWorld } from './contracts/model-servers.ts'
import { modelClockWorld, modelLeaseWorld, modelRouteWorld, modelStoreWorld } from './contracts/model-world.ts'
import { serversContract } from './contracts/servers.ts'
import { storeContract } from './contracts/store.ts'

clockContract('the model', modelClockWorld)
storeContract('the model', () => modelStoreWorld())
journalContract('the model', () => modelStoreWorld())
leaseContract('the model', modelLeaseWorld)
idsContract('the model', () => modelIds(new Durable()))
announcerContract('the model', modelRouteWorld)
for (const flavour of ['mysql', 'mariadb'] as const)
  serversContract(`modelled ${flavour} servers`, () => modelServersWorld(flavour))
