/** Headers of an answer to a request whose body may be unread: its rest would block the next request on the connection. */
export const CLOSE_CONNECTION = { connection: 'close' } as const;
