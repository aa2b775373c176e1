const PATHS = {
  crown: 'M3 18.5h18v2H3zM2.5 6.5l5 4L12 4l4.5 6.500 5-4L19.500 16.500h-15z',
  lock: 'M7 10V7.500a5 5 0 0 1 10 0V10h1.500v11h-13V10zm2.200 0h5.600V7.500a2.800 2.800 0 0 0-5.600 0z',
  dead: 'M6.300 4.500 12 10.200l5.700-5.700 1.800 1.800-5.700 5.700 5.700 5.700-1.800 1.800-5.700-5.700-5.700 5.700-1.800-1.800 5.700-5.700-5.700-5.700z',
  copy: 'M5 4h11v3h3v13H8v-3H5zm3 3v8h6V6H7v9h1z',
  fork: 'M4 10.500h6.500L16 5h4v3h-2.800L13 12l4.200 4H20v3h-4l-5.500-5.500H4z',
  route: 'M2 11h13.500l-4-4 1.800-1.800L20.500 12l-7.200 6.800-1.800-1.800 4-4H2z',
  alert: 'M12 3 22 20.500H2zm-1.200 6v5.500h2.400V9zm0 7v2.300h2.400V16z',
  unknown:
    'M10.700 17h2.600v2.600h-2.600zM12 4.500c-3 0-5 1.800-5 4.500h2.600c0-1.300.9-2.200 2.400-2.200s2.400.8 2.400 2c0 2.400-3.700 2.500-3.700 6h2.600c0-2.200 3.800-2.700 3.800-6.100 0-2.500-2.100-4.200-5.100-4.200z',
} as const

export type IconName = keyof typeof PATHS

/** Decoration: what it means is said in words beside it. */
export const Icon = ({ name }: { readonly name: IconName }) => (
  <svg className={`icon icon-${name}`} viewBox="0 0 24 24" aria-hidden="true">
    <path d={PATHS[name]} fillRule="evenodd" />
  </svg>
)
