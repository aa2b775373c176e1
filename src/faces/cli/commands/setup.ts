import type { Command } from 'commander'
import type { Context } from '../context.ts'
import type { Register } from '../program.ts'
import type { Check, Grant } from '../runners.ts'
import { table } from '../table.ts'

export const registerSetup: Register = (program, verb) => {
  const config = program.command('config').description('the configuration')
  verb(
    config.command('check'),
    'judge the configuration, log in as each account, print every default in force and what policy would refuse',
    'regent config check --config regent.yaml',
    check,
  )
  verb(
    program.command('grants').option('--server <address>', 'for the version of this server'),
    'the least privileges of each account, as statements',
    'regent grants\n  regent grants --server db1:3306 | mysql',
    grants,
  )
  verb(program.command('version'), 'the version of Regent', 'regent version --json', async (context) => {
    const value = { version: context.runners.version }
    context.emit(value, { table: () => value.version, names: () => [value.version] })
  })
}

async function check(context: Context): Promise<void> {
  const result = await context.runners.check(context.common.config)
  context.emit(result, { table: () => checkText(context, result), names: () => result.findings.map((f) => f.says) })
  if (result.findings.some((f) => f.level === 'problem')) context.exitCode = 1
}

function checkText(context: Context, { defaults, refusals, findings }: Check): string {
  const values = table(
    defaults,
    [
      { title: 'cluster', cell: (d) => d.cluster },
      { title: 'setting', cell: (d) => d.name },
      { title: 'value', cell: (d) => d.value },
      { title: 'from', cell: (d) => d.source },
      { title: 'why', cell: (d) => d.why },
    ],
    context.paint,
  )
  const found = findings.map((f) => {
    const mark =
      f.level === 'problem'
        ? context.paint('red', 'problem')
        : f.level === 'warning'
          ? context.paint('yellow', 'warning')
          : 'ok'
    return `${mark}  ${f.cluster}: ${f.says}${f.tryThis === '' ? '' : `\n         try: ${f.tryThis}`}`
  })
  return [
    'Settings in force',
    values,
    '',
    'What policy would refuse',
    ...refusals.map((r) => `  ${r.cluster}: ${r.says}`),
    '',
    'Servers and accounts',
    ...found,
  ].join('\n')
}

async function grants(context: Context, _arguments: readonly unknown[], command: Command): Promise<void> {
  const { server }: { server?: string } = command.opts()
  const config = await context.runners.loadConfig(context.common.config).then(
    (loaded) => loaded.config,
    () => undefined,
  )
  const rows: readonly Grant[] = await context.runners.grants(config, server === undefined ? {} : { server })
  const sections = [...new Set(rows.map((r) => `${r.server}: ${r.role}`))]
  const text = sections
    .map((s) => [`-- ${s}`, ...rows.filter((r) => `${r.server}: ${r.role}` === s).map((r) => r.statement)].join('\n'))
    .join('\n\n')
  context.emit(rows, { table: () => text, names: () => rows.map((r) => r.statement) })
}
