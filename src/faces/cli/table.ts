import { stripVTControlCharacters, styleText } from 'node:util'

export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => string
  readonly align?: 'left' | 'right'
}

/** What a cell may be painted with. Colours only repeat what the words say, for those who see none. */
export type Paint = 'bold' | 'dim' | 'red' | 'green' | 'yellow'

/** Colour only on a terminal, and never where `NO_COLOR` is set to anything (no-color.org) or the terminal is dumb. */
export const coloursOn = (
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): boolean => stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'

export type Painter = (how: Paint, text: string) => string
export const painter =
  (on: boolean): Painter =>
  (how, text) =>
    on ? styleText(how, text, { validateStream: false }) : text

/** Columns as counted on a terminal, for texts of ordinary width: colours take none. */
export const width = (text: string): number => [...stripVTControlCharacters(text)].length

/** One line per row below the titles; no line ends in spaces. Line breaks and tabs within cells become spaces. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], paint: Painter): string {
  const lines = [
    columns.map(({ title }) => title.toUpperCase()),
    ...rows.map((row) => columns.map(({ cell }) => oneLine(cell(row)))),
  ]
  const widths = columns.map((_, i) => Math.max(...lines.map((cells) => width(cells[i] ?? ''))))
  const pad = (text: string, i: number): string => {
    const fill = ' '.repeat((widths[i] ?? 0) - width(text))
    return columns[i]?.align === 'right' ? fill + text : text + fill
  }
  const printed = lines.map((cells) => cells.map(pad).join('  ').trimEnd())
  return printed.map((line, index) => (index === 0 ? paint('bold', line) : line)).join('\n')
}

/** Tab-separated, with titles; nothing within a cell can be taken for a separator. */
export const tsv = <Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string =>
  [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ cell }) => stripVTControlCharacters(oneLine(cell(row))))),
  ]
    .map((cells) => cells.join('\t'))
    .join('\n')

const oneLine = (text: string): string => text.replaceAll(/[\r\n\t]+/g, ' ')
