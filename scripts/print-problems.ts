/** Prints `docs/problems.md` from the catalogue of problems. */
import { writeFileSync } from 'node:fs'
import { type ExitCode, PROBLEMS, type ProblemCode, problem } from '../src/model/problem.ts'

export const PROBLEMS_PATH = new URL('../docs/problems.md', import.meta.url)

const EXITS: { readonly [E in ExitCode]: string } = {
  1: 'it failed, or a problem was found',
  2: 'usage or configuration',
  3: 'refused by a safety check, or the answer is no',
  4: 'cannot reach what was needed',
  5: 'not allowed',
  6: 'timed out, still running',
}

const HEAD = `# Problems

What Regent says when it cannot do what was asked, what to try then, and the exit code of the command. Words in angle brackets
are filled in. This page is printed from \`src/model/problem.ts\` by \`scripts/print-problems.ts\`.
`

/** Every fact is printed as its own name. */
const NAMES: Readonly<Record<string, string>> = new Proxy({}, { get: (_none, name) => `<${String(name)}>` })

const codes = Object.keys(PROBLEMS).filter((code): code is ProblemCode => code in PROBLEMS)

export function problemsText(): string {
  const exits = Object.entries(EXITS).map(([exit, meaning]) => `| ${exit} | ${meaning} |`)
  const entries = [...codes].sort().map((code) => {
    const { says, tryThis, exit } = problem(code, NAMES)
    return `## ${code}\n\n> ${cell(says)}\n\nTry: ${cell(tryThis)}\n\nExit code ${exit}.\n`
  })
  return [HEAD, ['| exit code | means |', '|---|---|', '| 0 | fine |', ...exits, ''].join('\n'), ...entries].join('\n')
}

/** Angle brackets would be taken for HTML. */
const cell = (text: string): string => text.replaceAll(/<(\w+)>/g, '&lt;$1&gt;')

if (import.meta.main) writeFileSync(PROBLEMS_PATH, problemsText())
