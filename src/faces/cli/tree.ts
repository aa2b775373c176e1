import { width } from './table.ts'

/** A server and those that follow it; or anything else with the same shape. */
export interface TreeNode {
  /** The first cell hangs in the tree, the others stand in columns behind it. */
  readonly text: string | readonly string[]
  readonly children: readonly TreeNode[]
}

/**
 * ```
 * db1:3306        primary  rw  0-1-42
 * ├─ db2:3306     replica  ro  0-1-42
 * │  └─ db4:3306  replica  ro  0-1-40
 * └─ db3:3306     replica  ro  0-1-42
 * ```
 */
export function tree(roots: readonly TreeNode[]): string {
  const rows = roots.flatMap((root) => hang(root, '', ''))
  const columns = Math.max(0, ...rows.map((cells) => cells.length))
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map((cells) => width(cells[i] ?? ''))))
  return rows
    .map((cells) =>
      cells
        .map((cell, i) => cell + ' '.repeat((widths[i] ?? 0) - width(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function hang({ text, children }: TreeNode, own: string, below: string): readonly (readonly string[])[] {
  const [first = '', ...rest] = typeof text === 'string' ? [text] : text
  const branches = children.flatMap((child, index) =>
    index === children.length - 1
      ? hang(child, `${below}└─ `, `${below}   `)
      : hang(child, `${below}├─ `, `${below}│  `),
  )
  return [[own + first, ...rest], ...branches]
}
