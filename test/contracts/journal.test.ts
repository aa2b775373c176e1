import { journalContract } from './journal.ts'
import { sqliteWorld } from './sqlite-world.ts'

journalContract('SQLite', () => sqliteWorld())
