/** Flavour: REGENT_TEST_FLAVOUR (mysql or mariadb; default mariadb). */
import { flavour } from './changing-world.ts'
import { realServersWorld } from './real-servers.ts'
import { serversContract } from './servers.ts'

serversContract(`real ${flavour} servers`, realServersWorld)
