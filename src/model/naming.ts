/**
 * Planners speak of servers by identity, which survives a change of address; people by address. Every id in the text becomes its
 * name, but not inside a GTID: MySQL's begin with the uuid of a server, and whoever copies one needs it as it is.
 */
export const named = (text: string, names: Readonly<Record<string, string>>): string =>
  Object.entries(names).reduce(
    (said, [id, name]) => (id === '' ? said : said.replace(idOutsideGtid(id), () => name)),
    text,
  )

/** A GTID goes on with an interval, or with a tag and an interval. */
const idOutsideGtid = (id: string): RegExp =>
  new RegExp(`${id.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?!:(?:[a-z_]\\w*:)?\\d)`, 'g')
