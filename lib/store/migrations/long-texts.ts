import type { Migration } from 'kysely';

/** Sessions have long documents in pieces. An older server, which cannot read them, refuses the database because of this step. */
export const longTexts: Migration = {
  async up() {
    // Texts that are stored in one piece are read as before.
  },
};
