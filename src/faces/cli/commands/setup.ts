import type { Command } from 'commander'
import { ProblemError } from '../../../model/problem.ts'
import type { Context } from '../context.ts'
import type { Grant } from '../runners.ts'
import type { Register } from '../verb.ts'
import { checkText, checkTsv } from './check-text.ts'

export const registerSetup: Register = (program, verb) => {
  const config = program.command('config').description('the configuration')
  verb(
    config.command('check'),
    'judge the configuration, log in as each account, print every default in force and what policy would refuse',
    'regent config check --config regent.yaml',
    check,
  )
  verb(
    program.command('grants [cluster]').option('--server <address>', 'for the version of this server'),
    'the least privileges of each account, as statements',
    'regent grants shop\n  regent grants --server db1:3306',
    grants,
  )
  verb(program.command('version'), 'the version of Regent', 'regent version --json', async (context) => {
    const value = { version: context.runners.version }
    context.emit(value, { table: () => value.version, names: () => [value.version] })
  })
}

async function check(context: Context): Promise<void> {
  const result = await context.runners.check(context.common.config)
  context.emit(result, {
    table: () => checkText(context, result),
    tsv: () => checkTsv(result),
    names: () => [...new Set(result.findings.filter((f) => f.level === 'problem').map((f) => f.about))],
  })
  if (result.findings.some((f) => f.level === 'problem')) context.exitCode = 1
}

async function grants(context: Context, [cluster]: readonly (string | undefined)[], command: Command): Promise<void> {
  const { server }: { server?: string } = command.opts()
  // Needed before there is a configuration; one that is named, or is wrong, is not passed over.
  const config = await context.runners.loadConfig(context.common.config).then(
    (loaded) => loaded.config,
    (error: unknown) => {
      if (error instanceof ProblemError && error.problem.code === 'config_none') return undefined
      throw error
    },
  )
  const rows: readonly Grant[] = await context.runners.grants(config, {
    ...(server === undefined ? {} : { server }),
    ...(cluster === undefined ? {} : { cluster }),
  })
  // Before the accounts exist nobody can ask it: both forms are right to print, and not to be taken for an answer.
  if (server !== undefined && new Set(rows.map((r) => r.server)).size > 1)
    context.note(`${server} could not be asked for its version: take the statements of yours`)
  const titleOf = (row: Grant): string => [row.cluster, row.server, row.role].filter((part) => part).join(' · ')
  const sections = [...new Set(rows.map(titleOf))]
  const text = sections
    .map((title) => [`-- ${title}`, ...rows.filter((r) => titleOf(r) === title).map((r) => r.statement)].join('\n'))
    .join('\n\n')
  context.emit(rows, { table: () => text, names: () => rows.map((r) => r.statement) })
}
