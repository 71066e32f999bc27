let cachedSecond = Number.NaN;
let cachedHead = '';
let cachedOffset = '';

/** `2023-06-18T15:45:30.000+0800`: local time with milliseconds and a numeric offset without a colon (contract 1). */
export function formatTime(ms: number): string {
  const second = Math.floor(ms / 1000);
  // Nearly all calls fall into the second of the one before, and only the milliseconds are new then.
  if (second !== cachedSecond) {
    const date = new Date(second * 1000);
    const offset = -date.getTimezoneOffset();
    const minutes = Math.abs(offset);
    cachedSecond = second;
    cachedHead =
      `${pad(date.getFullYear(), 4)}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}` +
      `T${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.`;
    cachedOffset = `${offset < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60))}${pad(minutes % 60)}`;
  }
  return cachedHead + pad(Math.floor(ms) - second * 1000, 3) + cachedOffset;
}

function pad(value: number, length = 2): string {
  return String(value).padStart(length, '0');
}
