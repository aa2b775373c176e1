import { sqliteWorld } from './sqlite-world.ts'
import { storeContract } from './store.ts'

storeContract('SQLite', () => sqliteWorld())
