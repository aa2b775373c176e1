/** One line that a terminal shows as it stands: no control character, of C0, ESC among them, or of C1. */
export const isPlain = (text: string): boolean => !/\p{Cc}/u.test(text)
