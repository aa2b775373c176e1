import { atLeast } from '../../model/version.ts'
import type { Dialect } from './dialect.ts'
import { mysql84 } from './mysql84.ts'

/** MySQL 9.x says everything that is needed here in the words of 8.4. */
export const mysql9: Dialect = {
  ...mysql84,
  name: 'mysql9',
  covers: (version) => version.flavour === 'mysql' && atLeast(version, 9, 0) && !atLeast(version, 10, 0),
  proven: ['9.7'],
}
