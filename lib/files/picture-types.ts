const types: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  bmp: 'image/bmp',
  avif: 'image/avif',
  heic: 'image/heic',
};

/** The suffixes of pictures that may be uploaded. A browser runs no scripts of these types. */
export const pictureSuffixes: readonly string[] = Object.keys(types);

/** The media type of an object by the suffix of its key; `application/octet-stream` for an unknown suffix. */
export function typeOfKey(key: string): string {
  return types[/\.(\w+)$/.exec(key)?.[1]?.toLowerCase() ?? ''] ?? 'application/octet-stream';
}

/** Whether a key says that its object is a picture. */
export function isPictureKey(key: string): boolean {
  return typeOfKey(key).startsWith('image/');
}

/** Whether a media type is that of a picture that may be uploaded. */
export function isPictureType(type: string): boolean {
  return Object.values(types).includes(type);
}
