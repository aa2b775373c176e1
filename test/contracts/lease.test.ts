import { leaseContract } from './lease.ts'
import { sqliteLeaseWorld } from './sqlite-world.ts'

leaseContract('SQLite', sqliteLeaseWorld)
