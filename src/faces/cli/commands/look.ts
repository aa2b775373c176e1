import type { ClusterJson } from '../../api/contract.ts'
import type { Context } from '../context.ts'
import { namer, namesOf } from '../names.ts'
import { watchable } from '../options.ts'
import type { Register } from '../verb.ts'
import { explain, showDiagnosis } from './diagnosis.ts'
import { history } from './history.ts'
import { parseRole, showTopology } from './topology.ts'

/** Verbs that only look: each works with a daemon and without one. */
export const registerLooking: Register = (program, verb) => {
  verb(
    watchable(
      program
        .command('topology [cluster]')
        .option(
          '--role <role>',
          'only primary, replica (source, master and slave are understood too), co-primary, alone',
        ),
    ),
    'who replicates from whom',
    `regent topology shop
  regent topology shop -w 2                  look again every two seconds
  mysql -h "$(regent topology shop --role primary -q | cut -d: -f1)"`,
    async (context, [name], command) => {
      const { role }: { role?: string } = command.opts()
      const wanted = parseRole(role)
      await looking(context, name, (clusters) => showTopology(context, clusters, wanted))
    },
  )
  verb(
    watchable(program.command('diagnose [cluster]')),
    'what is wrong, in one verdict and any number of findings; exit 1 when something is',
    `regent diagnose shop
  regent diagnose --json | jq .verdict
  regent diagnose -q                         the servers that something is wrong with`,
    async (context, [name]) => looking(context, name, (clusters) => showDiagnosis(context, clusters)),
  )
  verb(
    watchable(
      program.command('explain [cluster]').option('--all', 'every other verdict, also those far from the facts'),
    ),
    'why this verdict, with the evidence, and why no other',
    'regent explain shop\n  regent explain db2:3306                    the cluster of that server',
    async (context, [name], command) => {
      const { all }: { all?: boolean } = command.opts()
      await context.withClient(false, (client) =>
        context.repeatedly(async () => {
          // One after the other: a client that is given back while the other question is open never answers it.
          const told = await client.explain(name ?? '')
          const cluster = await client.cluster(name ?? '')
          explain(context, told, { all: all ?? false, named: namer(namesOf(cluster)) })
        }),
      )
    },
  )
  verb(
    watchable(
      program
        .command('history [recovery]')
        .option('--cluster <name>', 'of this cluster')
        .option('-n, --limit <count>', 'how many', '20'),
    ),
    'past recoveries, or one of them step by step',
    'regent history\n  regent history r-20260101-030000-1a2b',
    history,
  )
}

async function looking(
  context: Context,
  name: string | undefined,
  show: (clusters: readonly ClusterJson[]) => void,
): Promise<void> {
  await context.withClient(false, (client) =>
    context.repeatedly(async () => show(name === undefined ? await client.clusters() : [await client.cluster(name)])),
  )
}
