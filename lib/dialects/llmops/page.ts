/** The query of a page (contract 3). */
export const numberedPageQuery = {
  type: 'object',
  properties: {
    current_page: { type: 'string', pattern: '^[1-9]\\d{0,8}$', description: 'a whole number from 1' },
    page_size: {
      type: 'string',
      pattern: '^([1-9]|1\\d|20)$',
      description: 'a whole number from 1 to 20',
    },
    created_at: { type: 'string', pattern: '^\\d{1,11}$', description: 'a time in unix seconds' },
  },
} as const;

/** The page of a list that a query asks for. */
export interface NumberedPage {
  /** From 1. */
  number: number;
  size: number;
  /** Only items from before this time, in ms since the epoch. */
  before: number;
  /** How many items are before the page. */
  offset: number;
}

/** The page that a valid query asks for. */
export function numberedPageOf(query: {
  current_page?: string;
  page_size?: string;
  created_at?: string;
}): NumberedPage {
  const number = Number(query.current_page ?? 1);
  const size = Number(query.page_size ?? 20);
  // The cursor has whole seconds. Everything in its second belongs to the page.
  // Clients send 0 for "no cursor".
  const cursor = Number(query.created_at ?? 0);
  const before = cursor === 0 ? Number.MAX_SAFE_INTEGER : (cursor + 1) * 1000;
  return { number, size, before, offset: (number - 1) * size };
}

/** A page of items, with its number and the size of the list. */
export function pageAnswer(list: readonly object[], { number, size }: NumberedPage, total: number): object {
  return {
    list,
    paginator: {
      current_page: number,
      page_size: size,
      total_page: Math.ceil(total / size),
      total_record: total,
    },
  };
}
