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

/** The endings of pictures that may be uploaded: none that a browser would run scripts of. */
export const pictureSuffixes: readonly string[] = Object.keys(types);

/** The media type of an object by its key's ending; bytes when that says nothing. */
export function typeOfKey(key: string): string {
  return types[/\.(\w+)$/.exec(key)?.[1]?.toLowerCase() ?? ''] ?? 'application/octet-stream';
}
