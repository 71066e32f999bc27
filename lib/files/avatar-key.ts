/** The object key of a user's picture. */
export function avatarKey(uuid: string): string {
  return `avatars/${uuid}.jpg`;
}

/** The user of a picture's key; undefined for the default picture. */
export function ownerOfAvatar(key: string): string | undefined {
  const name = /^avatars\/([^/]+)\.jpg$/.exec(key)?.[1];
  return name === 'default' ? undefined : name;
}
