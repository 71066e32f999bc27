/** The object key of a user's picture. */
export function avatarKey(uuid: string): string {
  return `avatars/${uuid}.jpg`;
}
