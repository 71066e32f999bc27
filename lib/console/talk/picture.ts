/** The sides in px, from the largest, in which a picture is tried. */
const SIDES = [1600, 1200, 800, 500];
/** A frame has at most 1 MiB (FRAME_MAX_BYTES), and a message may hold a text beside its picture. */
const PICTURE_MAX_CHARS = 700_000;

/** A picture of a file as a data URL that fits into a frame. Rejects when the file is no picture that the browser knows. */
export async function readPicture(file: File): Promise<string> {
  const bitmap = await createImageBitmap(file);
  try {
    for (const side of SIDES) {
      const url = drawn(bitmap, side);
      if (url.length <= PICTURE_MAX_CHARS) return url;
    }
    throw new Error('The picture is too large.');
  } finally {
    bitmap.close();
  }
}

/** The picture as a JPEG whose longer side has at most so many px. A smaller picture is not made larger. */
function drawn(bitmap: ImageBitmap, side: number): string {
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext('2d')!;
  context.fillStyle = '#fff'; // JPEG has no transparency
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL('image/jpeg', 0.85);
}
